package com.cape.worker.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.openqa.selenium.By;
import org.openqa.selenium.JavascriptException;
import org.openqa.selenium.Keys;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/** A browser without a window, and a person's hands on it. */
public final class Chromium implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(50);
  private static final int MOST_TABS = 200;
  private static final Pattern REQUEST =
      Pattern.compile("\"method\":\"Network\\.requestWillBeSent\".*?\"url\":\"([^\"]+)\"");

  private final ChromeDriver driver;

  private Chromium(ChromeDriver driver) {
    this.driver = driver;
  }

  /** The browser and its driver, where Debian puts them; empty when they are not there. */
  public static Optional<Path> missing() {
    return List.of(Path.of("/usr/bin/chromium"), Path.of("/usr/bin/chromedriver")).stream()
        .filter(Files::notExists)
        .findFirst();
  }

  /** Starts one with an empty profile. */
  public static Chromium start(Path profile) {
    var logs = new LoggingPreferences();
    logs.enable(LogType.BROWSER, Level.ALL);
    logs.enable(LogType.PERFORMANCE, Level.ALL);
    var options = new ChromeOptions();
    options.setBinary("/usr/bin/chromium");
    options.setCapability("goog:loggingPrefs", logs);
    options.setExperimentalOption(
        "perfLoggingPrefs", Map.of("enableNetwork", true, "enablePage", false));
    options.addArguments(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-default-apps",
        "--lang=en-US",
        "--user-data-dir=" + profile);
    // Named, so that nothing looks for a driver to download.
    ChromeDriverService service =
        new ChromeDriverService.Builder()
            .usingDriverExecutable(Path.of("/usr/bin/chromedriver").toFile())
            .usingAnyFreePort()
            .build();
    return new Chromium(new ChromeDriver(service, options));
  }

  public void open(String url) {
    driver.get(url);
  }

  /** Goes to a view of the page that is open. */
  public void go(String hash) {
    script("location.hash = arguments[0]", hash);
  }

  public String address() {
    return driver.getCurrentUrl();
  }

  /** Runs a script in the page. */
  public Object script(String script, Object... arguments) {
    return driver.executeScript(script, arguments);
  }

  public WebElement find(String css) {
    return driver.findElement(By.cssSelector(css));
  }

  /** What a reader sees of it; empty when it is not there, or not shown. */
  public String text(String css) {
    return String.valueOf(
        script(
            "const node = document.querySelector(arguments[0]);"
                + " return node?.checkVisibility() ? node.innerText : ''",
            css));
  }

  /** How many there are. */
  public int count(String css) {
    return ((Number) script("return document.querySelectorAll(arguments[0]).length", css))
        .intValue();
  }

  public void click(String css) {
    awaitThat(css, () -> find(css).isDisplayed());
    find(css).click();
  }

  /** Waits until something holds in the page; answers how long that took. */
  public Duration awaitThat(String what, Callable<Boolean> condition) {
    return awaitThat(what, LIMIT, condition);
  }

  /** The same, with a limit of its own. */
  public Duration awaitThat(String what, Duration limit, Callable<Boolean> condition) {
    long begun = System.nanoTime();
    await(what)
        .atMost(limit)
        .pollDelay(Duration.ZERO)
        .pollInterval(BETWEEN_LOOKS)
        .ignoreExceptionsMatching(Chromium::meanwhileGone)
        .until(condition);
    return Duration.ofNanos(System.nanoTime() - begun);
  }

  private static boolean meanwhileGone(Throwable e) {
    return e instanceof StaleElementReferenceException
        || e instanceof JavascriptException
        || e instanceof org.openqa.selenium.NoSuchElementException;
  }

  /** Waits for a text within an element; answers how long that took. */
  public Duration awaitText(String css, String text) {
    try {
      return awaitThat(css + " says " + text, () -> text(css).contains(text));
    } catch (org.awaitility.core.ConditionTimeoutException e) {
      throw new AssertionError("%s says: %s".formatted(css, text(css)), e);
    }
  }

  /** Presses keys where the focus is. */
  public void press(CharSequence... keys) {
    new Actions(driver).sendKeys(keys).perform();
  }

  /** Marks all that the field with the focus holds. */
  public void selectAll() {
    new Actions(driver).keyDown(Keys.CONTROL).sendKeys("a").keyUp(Keys.CONTROL).perform();
  }

  /** Presses the tabulator until the focus is on what has that name. */
  public void tabTo(String name) {
    List<String> met = new ArrayList<>();
    for (int i = 0; i < MOST_TABS; i++) {
      String here = focused();
      met.add(here);
      if (here.equals(name)) {
        return;
      }
      press(Keys.TAB);
    }
    throw new AssertionError("the tabulator never comes to '%s', but to %s".formatted(name, met));
  }

  /** The name that a screen reader says of what has the focus. */
  public String focused() {
    return driver.switchTo().activeElement().getAccessibleName();
  }

  /** The size of the window that the page sees. */
  public void size(int width, int height) {
    driver.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
  }

  /** What the reader's system is set to: dark or light. */
  public void scheme(String scheme) {
    driver.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
  }

  /** Everything that can be used and has no name to be called by: role and HTML of each. */
  public List<String> nameless() {
    List<?> nodes =
        (List<?>) driver.executeCdpCommand("Accessibility.getFullAXTree", Map.of()).get("nodes");
    List<String> found = new ArrayList<>();
    for (Object node : nodes) {
      Map<?, ?> fields = (Map<?, ?>) node;
      String role = valueOf(fields.get("role"));
      if (!Boolean.TRUE.equals(fields.get("ignored"))
          && CONTROLS.contains(role)
          && valueOf(fields.get("name")).isBlank()) {
        found.add(role + " " + fields);
      }
    }
    return found;
  }

  private static final List<String> CONTROLS =
      List.of(
          "alertdialog",
          "button",
          "checkbox",
          "combobox",
          "dialog",
          "image",
          "img",
          "link",
          "meter",
          "navigation",
          "region",
          "searchbox",
          "spinbutton",
          "switch",
          "table",
          "textbox");

  private static String valueOf(Object property) {
    return property instanceof Map<?, ?> map && map.get("value") != null
        ? map.get("value").toString()
        : "";
  }

  /** Each text whose contrast with what is behind it is less than WCAG's 4.5 to 1. */
  public List<?> pale() {
    return (List<?>) script(PALE);
  }

  private static final String PALE =
      """
      const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
      const opaque = (colour) => channels(colour).length < 4 || channels(colour)[3] === 1;
      const ground = (node) => {
        for (let at = node; at !== null; at = at.parentElement) {
          const colour = getComputedStyle(at).backgroundColor;
          if (opaque(colour)) return colour;
        }
        return getComputedStyle(document.documentElement).backgroundColor;
      };
      const light = (colour) => channels(colour).slice(0, 3)
        .map(value => value / 255)
        .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
      const contrast = (one, other) => {
        const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
      };
      const open = document.querySelector('dialog[open]');
      const texts = document.createTreeWalker(open ?? document.body, NodeFilter.SHOW_TEXT);
      const pale = [];
      for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
        const node = text.parentElement;
        if (text.data.trim() === '' || !node.checkVisibility() || node.closest('.unseen, .skip, noscript, option, title')) continue;
        const style = getComputedStyle(node);
        const colour = node instanceof SVGElement ? style.fill : style.color;
        const ratio = contrast(colour, ground(node));
        if (ratio < 4.5) pale.push(`${ratio.toFixed(2)}: ${text.data.trim().slice(0, 40)} (${colour} on ${ground(node)})`);
      }
      return pale;
      """;

  /** What does not fit into the window's width. */
  public String sticksOut() {
    return String.valueOf(script(WIDE));
  }

  private static final String WIDE =
      """
      return [...document.body.querySelectorAll('*')]
        .filter(node => node.getBoundingClientRect().right > innerWidth + 1)
        .map(node => node.tagName + '.' + node.className).slice(0, 5).join(' ')
      """;

  /** What the page or the browser complained of since the last call. */
  public List<String> complaints() {
    return driver.manage().logs().get(LogType.BROWSER).getAll().stream()
        .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
        .map(LogEntry::getMessage)
        .toList();
  }

  /** The addresses that were asked for since the last call. */
  public List<String> requests() {
    List<String> urls = new ArrayList<>();
    for (LogEntry entry : driver.manage().logs().get(LogType.PERFORMANCE)) {
      Matcher request = REQUEST.matcher(entry.getMessage());
      if (request.find()) {
        urls.add(request.group(1));
      }
    }
    return urls;
  }

  /** Draws no scrollbars, as on a phone. */
  public void hideScrollbars() {
    driver.executeCdpCommand("Emulation.setScrollbarsHidden", Map.of("hidden", true));
  }

  /** Writes what the window shows. */
  public void screenshot(Path file) throws IOException {
    Object png =
        driver.executeCdpCommand("Page.captureScreenshot", Map.of("format", "png")).get("data");
    Files.createDirectories(file.getParent());
    Files.write(file, Base64.getDecoder().decode(png.toString()));
  }

  /** The names of the cookies that the browser keeps for the page. */
  public List<String> cookies() {
    return driver.manage().getCookies().stream()
        .map(cookie -> cookie.getName() + (cookie.isHttpOnly() ? " HttpOnly" : ""))
        .toList();
  }

  /** Forgets all cookies. */
  public void forget() {
    driver.manage().deleteAllCookies();
  }

  /** Types into a field what is not there yet. */
  public void type(String css, CharSequence... keys) {
    WebElement field = find(css);
    field.clear();
    Arrays.stream(keys).forEach(field::sendKeys);
  }

  @Override
  public void close() {
    driver.quit();
  }
}
