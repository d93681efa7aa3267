package com.cape.worker.ending;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.ending.ResetTime.Kind;
import com.cape.worker.ending.ResetTime.Source;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ResetTimeTest {
  private static final Instant NOW = Instant.parse("2026-11-30T21:29:30Z");
  private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "10:40pm (Europe/Madrid) | 2026-11-30T21:40:00Z",
        "10pm (UTC) | 2026-11-30T22:00:00Z",
        "12am (UTC) | 2026-12-01T00:00:00Z",
        "12:30am (UTC) | 2026-12-01T00:30:00Z",
        "12pm (Asia/Tokyo) | 2026-12-01T03:00:00Z",
        "Dec 1, 2am (Europe/Zurich) | 2026-12-01T01:00:00Z",
        "Nov 30 at 5pm (America/Chicago) | 2026-11-30T23:00:00Z",
        "Dec 1st, 2026 1:15 AM (UTC) | 2026-12-01T01:15:00Z",
        "December 1st, 2026, 1:15 a.m. (UTC) | 2026-12-01T01:15:00Z",
        "Aug 3, 2027, 7am (UTC) | 2026-12-01T03:29:30Z",
        "9:20pm (UTC) | 2026-11-30T21:31:30Z",
        "Nov 30, 9:20pm (UTC) | 2026-11-30T21:31:30Z",
        "9:30pm (UTC) | 2026-11-30T21:30:30Z",
        "2am (UTC) | 2026-12-01T02:00:00Z",
        "8pm (UTC) | 2026-12-01T03:29:30Z",
        // In the run's zone, an hour ahead.
        "10:45 PM | 2026-11-30T21:45:00Z",
        "22:45 | 2026-11-30T21:45:00Z",
        "11:45 PM | 2026-11-30T22:29:30Z",
        "3:59 AM | 2026-11-30T22:29:30Z",
        "Dec 1, 1:15 AM | 2026-12-01T00:15:00Z",
        "Dec 3rd, 2026 4:15 AM | 2026-12-01T03:29:30Z"
      })
  void clockTimeIsRead(String text, Instant expected) {
    assertEquals(Optional.of(expected), ResetTime.read(Kind.CLOCK, text, Source.TEXT, NOW, BERLIN));
  }

  @Test
  void narrowSpaceOfJavaScriptsTimesIsASpace() {
    assertEquals(
        Optional.of(Instant.parse("2026-11-30T21:45:00Z")),
        ResetTime.read(Kind.CLOCK, "10:45\u202fPM", Source.TEXT, NOW, BERLIN));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "soon",
        "10",
        "13pm (UTC)",
        "0am (UTC)",
        "25:10",
        "10:61pm (UTC)",
        "10pm (Mars/Olympus)",
        "10pm (PST)",
        "Feb 30, 7am (UTC)",
        "Foo 3, 7am (UTC)",
        "Dec 0, 7am (UTC)",
        "Nov 30, 9:10pm (UTC)",
        "Aug 3, 7am (UTC)",
        "Aug 3, 0000, 7am (UTC)",
        // Farther than a window of five hours, and it might be in another zone.
        "4:05 AM",
        "10 PM"
      })
  void anythingElseIsNoTime(String text) {
    assertEquals(Optional.empty(), ResetTime.read(Kind.CLOCK, text, Source.TEXT, NOW, BERLIN));
  }

  @Test
  void dateWithoutAYearIsTheNearestOne() {
    Instant newYear = Instant.parse("2026-12-31T23:00:00Z");
    assertEquals(
        Optional.of(Instant.parse("2027-01-01T02:00:00Z")),
        ResetTime.read(Kind.CLOCK, "Jan 1, 2am (UTC)", Source.TEXT, newYear, BERLIN));
  }

  @Test
  void timeThatSummerTimeSkipsIsMovedOn() {
    Instant before = Instant.parse("2027-03-28T00:30:00Z");
    assertEquals(
        Optional.of(Instant.parse("2027-03-28T01:30:00Z")),
        ResetTime.read(Kind.CLOCK, "2:30am (Europe/Berlin)", Source.TEXT, before, ZoneOffset.UTC));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2h39m52s | 9592",
        "in 45s | 60",
        "in 95s | 95",
        "3 hours | 10800",
        "1 hour 12 minutes | 4320",
        "1 hour, 2 minutes and 3 seconds | 3723",
        "90 | 90",
        "350ms | 60",
        "73.2s | 74",
        "2 days | 21600",
        "999999d | 21600"
      })
  void durationIsRead(String text, long seconds) {
    assertEquals(
        Optional.of(NOW.plusSeconds(seconds)),
        ResetTime.read(Kind.DURATION, text, Source.TEXT, NOW, BERLIN));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "h", "2x", "-5s", "in", "1h and", "9999999999"})
  void otherDurationsAreNone(String text) {
    Optional<Instant> found = ResetTime.read(Kind.DURATION, text, Source.TEXT, NOW, BERLIN);
    assertEquals(Optional.empty(), found);
  }

  @ParameterizedTest
  @CsvSource({
    "1796081352, 2026-11-30T23:29:12Z",
    "1796081352000, 2026-11-30T23:29:12Z",
    "1796274152, 2026-12-03T05:02:32Z",
    "9999999999, 2026-12-08T21:29:30Z",
    "1796074170, 2026-11-30T21:30:30Z",
    "1796073271, 2026-11-30T21:31:30Z"
  })
  void epochOfAFieldIsRead(String text, Instant expected) {
    assertEquals(
        Optional.of(expected), ResetTime.read(Kind.EPOCH, text, Source.FIELD, NOW, BERLIN));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1796073269", "0", "179608135", "17960813520", "1e9", "-1796081352", ""})
  void epochThatHasLongPassedOrIsNoneIsNoTime(String text) {
    assertEquals(Optional.empty(), ResetTime.read(Kind.EPOCH, text, Source.FIELD, NOW, BERLIN));
  }

  @Test
  void epochOfATextIsBoundedToSixHours() {
    assertEquals(
        Optional.of(NOW.plus(Duration.ofHours(6))),
        ResetTime.read(Kind.EPOCH, "1796274152", Source.TEXT, NOW, BERLIN));
  }

  /** Any clock, zone, date and moment: within the bounds, and never a wrong wall clock time. */
  @Test
  void everyTimeIsWithinItsBounds() {
    var random = new Random(20261130);
    List<String> zones = List.of("", " (Europe/Berlin)", " (America/St_Johns)", " (Pacific/Apia)");
    List<String> dates = List.of("", "", "Mar 29, ", "Oct 25 at ", "Feb 29, 2028, ", "Dec 31, ");
    int found = 0;
    for (int i = 0; i < 20_000; i++) {
      Instant now = NOW.plusSeconds(random.nextInt(3 * 365 * 86_400));
      String zone = zones.get(random.nextInt(zones.size()));
      String date = dates.get(random.nextInt(dates.size()));
      String clock =
          "%d:%02d%s"
              .formatted(
                  1 + random.nextInt(12), random.nextInt(60), random.nextBoolean() ? "am" : "pm");
      Optional<Instant> until =
          ResetTime.read(Kind.CLOCK, date + clock + zone, Source.TEXT, now, BERLIN);
      Duration longest = Duration.ofHours(zone.isEmpty() && date.isEmpty() ? 1 : 6);
      until.ifPresent(
          at -> {
            assertFalse(at.isBefore(now.plusSeconds(60)), date + clock + zone + " at " + now);
            assertFalse(at.isAfter(now.plus(longest)), date + clock + zone + " at " + now);
          });
      found += until.isPresent() ? 1 : 0;
      if (!zone.isEmpty() && date.isEmpty()) {
        assertTrue(until.isPresent(), "a clock time with a zone always comes again");
      }
    }
    assertTrue(found > 5_000, "found " + found);
  }

  @Test
  void momentsAtTheEdgesThrowNothing() {
    for (Instant now : List.of(Instant.MIN, Instant.EPOCH, Instant.MAX)) {
      for (Kind kind : Kind.values()) {
        for (String text : List.of("10pm", "Dec 31, 9999, 11pm (UTC)", "2h", "1796081352")) {
          ResetTime.read(kind, text, Source.FIELD, now, BERLIN)
              .ifPresent(at -> assertTrue(at.isAfter(now)));
        }
      }
      ResetTime.after(Duration.ofMinutes(15), now).ifPresent(at -> assertTrue(at.isAfter(now)));
    }
  }
}
