package com.cape.worker.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class PromptSocketsTest {
  private static final int LOOK_MILLIS = 1;
  private static final int WAIT_MILLIS = 2;

  @Test
  void lookWhetherSomethingIsThereDoesNotWait() throws Exception {
    try (var server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket socket = new PromptSockets().createSocket()) {
      socket.connect(server.getLocalSocketAddress());
      socket.setSoTimeout(LOOK_MILLIS);
      assertEquals("nothing there", timeout(socket).getMessage());
      socket.setSoTimeout(WAIT_MILLIS);
      assertEquals("Read timed out", timeout(socket).getMessage());
    }
  }

  @Test
  void whatIsThereIsRead() throws Exception {
    try (var server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket socket = new PromptSockets().createSocket()) {
      socket.connect(server.getLocalSocketAddress());
      try (Socket other = server.accept()) {
        other.getOutputStream().write(new byte[] {1, 2});
        byte[] one = new byte[1];
        assertEquals(1, socket.getInputStream().read(one));
        socket.setSoTimeout(LOOK_MILLIS);
        assertEquals(1, socket.getInputStream().read(one));
        assertEquals(2, one[0]);
      }
    }
  }

  private static SocketTimeoutException timeout(Socket socket) {
    return assertThrows(SocketTimeoutException.class, () -> socket.getInputStream().readNBytes(1));
  }
}
