package com.cape.worker.daemon;

import com.cape.worker.worker.state.Drain;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ObjIntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TERM, INT and HUP: for a worker, the first drains, the second interrupts what runs, the third
 * ends this process at once. HUP hands over to the next process instead.
 *
 * <p>{@code sun.misc.Signal} is reached by reflection, because javac warns of it in a way that
 * cannot be turned off. A shutdown hook would do for the first signal only.
 */
public final class StopSignals {
  private static final Logger LOG = LoggerFactory.getLogger(StopSignals.class);

  private final ObjIntConsumer<String> listener;
  private final AtomicInteger received = new AtomicInteger();

  /**
   * For a worker.
   *
   * @param keepsRuns whether HUP hands over; else it is a TERM
   * @param halt ends the process at once
   */
  public static StopSignals ofWorker(Drain drain, boolean keepsRuns, Runnable halt) {
    var handOvers = new AtomicInteger();
    return new StopSignals(
        (signal, times) -> {
          if (keepsRuns && signal.equals("SIGHUP")) {
            handOvers.incrementAndGet();
            drain.handOver(signal);
            return;
          }
          switch (times - handOvers.get()) {
            case 1 -> drain.begin(signal);
            case 2 -> drain.interrupt("second " + signal);
            default -> halt.run();
          }
        });
  }

  /** Calls the listener for each signal, with the number of signals so far. */
  public StopSignals(ObjIntConsumer<String> listener) {
    this.listener = listener;
  }

  /** Handles the signals from now on, but for those that this process was started to ignore. */
  public void handle() {
    for (String name : List.of("TERM", "INT", "HUP")) {
      try {
        handle(name);
      } catch (ReflectiveOperationException e) {
        LOG.warn("cannot handle a signal; it ends the worker at once signal=SIG{}", name, e);
      }
    }
  }

  private void handle(String name) throws ReflectiveOperationException {
    Class<?> signalType = Class.forName("sun.misc.Signal");
    Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
    InvocationHandler onCall =
        (self, method, arguments) -> {
          if (method.getName().equals("handle")) {
            listener.accept("SIG" + name, received.incrementAndGet());
          }
          return null; // The JVM calls nothing else.
        };
    Object handler =
        Proxy.newProxyInstance(
            StopSignals.class.getClassLoader(), new Class<?>[] {handlerType}, onCall);
    Object signal = signalType.getConstructor(String.class).newInstance(name);
    var install = signalType.getMethod("handle", signalType, handlerType);
    Object before = install.invoke(null, signal, handler);
    // nohup, or a background job of a script.
    if (before == handlerType.getField("SIG_IGN").get(null)) {
      install.invoke(null, signal, before);
    }
  }
}
