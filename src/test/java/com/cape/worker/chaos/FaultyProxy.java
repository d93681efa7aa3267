package com.cape.worker.chaos;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * A TCP proxy before a PostgreSQL that can cut its connections, keep them open and pass nothing on,
 * or lose the answer to a statement that the server has run.
 */
public final class FaultyProxy implements AutoCloseable {
  private static final int BUFFER_BYTES = 1 << 16;
  private static final int READY_BYTES = 6;

  private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final int target;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final AtomicReference<Pattern> losing = new AtomicReference<>();
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

  /**
   * Cuts the connection that sends the next statement with such a text, once the server has
   * committed it and before the client has read so. Needs a client that sends its statements as
   * text each time ({@code prepareThreshold=0}).
   */
  public void loseAnswerTo(Pattern statement) {
    losing.set(statement);
  }

  /** Whether the answer to such a statement is still to be lost. */
  public boolean losesAnswer() {
    return losing.get() != null;
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
      var lost = new AtomicBoolean();
      start("chaos-pump", () -> pump(far, near, answer -> lost.get() && committed(answer)));
      pump(
          near,
          far,
          request -> {
            lost.compareAndSet(false, isLost(request));
            return false;
          });
    } catch (IOException e) {
      close(near);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isLost(ByteBuffer request) {
    Pattern statement = losing.get();
    return statement != null
        && statement.matcher(StandardCharsets.ISO_8859_1.decode(request)).find()
        && losing.compareAndSet(statement, null);
  }

  /** Whether an answer ends with ReadyForQuery outside of a transaction. */
  private static boolean committed(ByteBuffer answer) {
    int end = answer.limit();
    return end >= READY_BYTES && answer.get(end - READY_BYTES) == 'Z' && answer.get(end - 1) == 'I';
  }

  /** Passes on what comes until it ends or the connection is to be cut. */
  private void pump(Socket from, Socket to, Predicate<ByteBuffer> cut) {
    var buffer = new byte[BUFFER_BYTES];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        pass();
        if (cut.test(ByteBuffer.wrap(buffer, 0, read))) {
          break;
        }
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
