package com.cape.worker.chaos;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A TCP proxy that can cut its connections, or keep them open and pass nothing on. */
public final class FaultyProxy implements AutoCloseable {
  private static final int BUFFER_BYTES = 8192;

  private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final int target;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private boolean hole;

  public FaultyProxy(int target) throws IOException {
    this.target = target;
    start("chaos-accept", this::accept);
  }

  public int port() {
    return server.getLocalPort();
  }

  public void cut() {
    sockets.forEach(FaultyProxy::close);
    sockets.clear();
  }

  public synchronized void hole(boolean on) {
    hole = on;
    notifyAll();
  }

  private synchronized void pass() throws InterruptedException {
    while (hole) {
      wait();
    }
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket near = server.accept();
        sockets.add(near);
        start("chaos-connect", () -> connect(near));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void connect(Socket near) {
    try {
      pass();
      var far = new Socket(InetAddress.getLoopbackAddress(), target);
      sockets.add(far);
      start("chaos-pump", () -> pump(far, near));
      pump(near, far);
    } catch (IOException e) {
      close(near);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void pump(Socket from, Socket to) {
    var buffer = new byte[BUFFER_BYTES];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        pass();
        out.write(buffer, 0, read);
      }
    } catch (IOException e) {
      // One side is gone, and so is the other.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    sockets.remove(from);
    sockets.remove(to);
  }

  private static void start(String name, Runnable work) {
    var thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It was closed.
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    cut();
  }
}
