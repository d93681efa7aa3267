package com.cape.worker.cli.console;

import com.cape.worker.config.HttpAddress;
import java.io.IOException;
import java.net.Socket;

/** Why nothing can be served at an address. */
public final class AddressRefusal {
  private static final int LONGEST_KNOCK_MILLIS = 1000;

  private AddressRefusal() {}

  /** Something that serves there already may end; a wrong address stays wrong. */
  public static Refusal of(HttpAddress address, IOException thrown) {
    return answers(address)
        ? new Refusal(
            ExitCode.TRY_LATER,
            thrown.getMessage() + "; stop what serves there, or choose another address with --http")
        : new Refusal(
            ExitCode.WRONG_SETTING,
            thrown.getMessage() + "; --http must name an address of this host");
  }

  private static boolean answers(HttpAddress address) {
    try (var socket = new Socket()) {
      socket.connect(address.toSocketAddress(), LONGEST_KNOCK_MILLIS);
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
