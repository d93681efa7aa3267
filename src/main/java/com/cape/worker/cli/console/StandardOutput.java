package com.cape.worker.cli.console;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.util.Optional;

/** What a command prints to, in UTF-8; knows why something could not be written. */
public final class StandardOutput extends FileOutputStream {
  private static final String READER_LEFT = "Broken pipe";

  private Optional<IOException> trouble = Optional.empty();

  public StandardOutput(FileDescriptor descriptor) {
    super(descriptor);
  }

  /** Writes to it, whatever the locale. */
  public PrintWriter writer() {
    return new PrintWriter(new OutputStreamWriter(new BufferedOutputStream(this), UTF_8));
  }

  @Override
  public void write(byte[] bytes, int start, int length) throws IOException {
    try {
      super.write(bytes, start, length);
    } catch (IOException e) {
      trouble = Optional.of(e);
      throw e;
    }
  }

  /** Why something is missing from what was printed; that a reader has seen enough is none. */
  public Optional<String> trouble() {
    return trouble.map(IOException::getMessage).filter(cause -> !cause.equals(READER_LEFT));
  }
}
