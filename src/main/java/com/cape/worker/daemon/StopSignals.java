package com.cape.worker.daemon;

import com.cape.worker.worker.state.Drain;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TERM, INT and HUP: for a worker, the first drains, the second interrupts what runs, the third
 * ends this process at once.
 *
 * <p>{@code sun.misc.Signal} is reached by reflection, because javac warns of it in a way that
 * cannot be turned off. A shutdown hook would do for the first signal only.
 */
public final class StopSignals {
  private static final Logger LOG = LoggerFactory.getLogger(StopSignals.class);

  private final Listener listener;
  private final AtomicInteger received = new AtomicInteger();

  /** Told of each signal, and how many there have been. */
  public interface Listener {
    void received(int times, String signal);
  }

  /**
   * @param halt ends the process without any more ado
   */
  public StopSignals(Drain drain, Runnable halt) {
    this(
        (times, signal) -> {
          switch (times) {
            case 1 -> drain.begin(signal);
            case 2 -> drain.interrupt("second " + signal);
            default -> halt.run();
          }
        });
  }

  public StopSignals(Listener listener) {
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
        (self, method, arguments) ->
            switch (method.getName()) {
              case "handle" -> {
                listener.received(received.incrementAndGet(), "SIG" + name);
                yield null;
              }
              case "equals" -> self == arguments[0];
              case "hashCode" -> System.identityHashCode(self);
              default -> "stop on SIG" + name;
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
