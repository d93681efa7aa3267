package com.cape.worker.store;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import javax.net.SocketFactory;

/**
 * Sockets that deliver a notification at once. After each one the driver looks for another with a
 * read of one millisecond, and returns the first only then (pgjdbc 42.7.14:
 * PGStream.hasMessagePending). Here such a read ends at once. The driver creates it by name.
 */
public final class PromptSockets extends SocketFactory {
  private static final int LOOK_MILLIS = 1;

  @Override
  public Socket createSocket() {
    return new PromptSocket();
  }

  private static final class PromptSocket extends Socket {
    private volatile boolean looking;

    @Override
    public synchronized void setSoTimeout(int millis) throws SocketException {
      looking = millis == LOOK_MILLIS;
      super.setSoTimeout(millis);
    }

    @Override
    public InputStream getInputStream() throws IOException {
      return new FilterInputStream(super.getInputStream()) {
        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
          if (looking && in.available() == 0) {
            throw new SocketTimeoutException("nothing there");
          }
          return in.read(bytes, offset, length);
        }
      };
    }
  }

  @Override
  public Socket createSocket(String host, int port) {
    throw connected();
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress local, int localPort) {
    throw connected();
  }

  @Override
  public Socket createSocket(InetAddress host, int port) {
    throw connected();
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort) {
    throw connected();
  }

  private static UnsupportedOperationException connected() {
    return new UnsupportedOperationException("the driver connects the socket itself");
  }
}
