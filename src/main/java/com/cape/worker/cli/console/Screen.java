package com.cape.worker.cli.console;

import com.cape.worker.host.Terminal;
import java.util.List;

/** Draws lines over the ones before, as many as the terminal has room for. */
public final class Screen {
  // ECMA-48: to the upper left, erase the line's rest, erase all below, end of bold.
  private static final String HOME = "\u001b[H";
  private static final String ERASE_LINE = "\u001b[K";
  private static final String ERASE_BELOW = "\u001b[J";
  private static final String PLAIN = "\u001b[0m";
  private static final Terminal.Size USUAL = new Terminal.Size(80, 24);

  private final Output output;

  public Screen(Output output) {
    this.output = output;
    output.out().print(HOME + ERASE_BELOW);
  }

  public void draw(List<String> lines) {
    Terminal.Size size = output.terminalNow().size().orElse(USUAL);
    var drawn = new StringBuilder(HOME);
    for (String line : lines.subList(0, Math.min(lines.size(), size.rows() - 1))) {
      drawn.append(DisplayText.cut(line, size.columns())).append(PLAIN + ERASE_LINE).append("\r\n");
    }
    output.out().print(drawn.append(ERASE_BELOW));
    output.out().flush();
  }
}
