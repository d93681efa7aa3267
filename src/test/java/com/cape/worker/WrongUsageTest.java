package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whoever types something wrong gets one line: what, why, what instead. */
@Timeout(60)
class WrongUsageTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "statsu | there is no command 'statsu'; did you mean 'status'?",
        "frobnicate | there is no command 'frobnicate'",
        "list --stauts failed | there is no option '--stauts'; did you mean '--status'?",
        "list --status fialed | --status 'fialed' is no status: there are pending, started, completed, failed, cancelled; did you mean 'failed'?",
        "list --sort oldst | did you mean 'oldest'?",
        "list --limit 0 | --limit 0: must be a whole number from 1 to 10000",
        "list --limit many | --limit 'many' is no whole number of up to nine digits; ",
        "list --limit 99999999999 | --limit '99999999999' is no whole number of up to nine digits; ",
        "list --sort queue --status failed | only pending issues are in the queue",
        "list --worker -x | ",
        "show | ID",
        "show first | cape-worker: 'first' is no issue id; 'cape-worker list' shows them",
        "show 0 | '0' is no issue id",
        "show 1 2 | '2' is one argument too many",
        "submit x y | 'y' is one argument too many; a text of several words goes in quotes",
        "submit --priority 40000 x | must be from -32768 to 32767",
        "submit --priority high x | --priority 'high' is no whole number",
        "submit --after soon x | is no duration; write 90s, 15m, 2h, 1d or 1h30m",
        "submit --timeout 5s x | has a meaning with --wait or --follow only",
        "submit --wait --follow x | not both",
        "submit --json | give one of TEXT",
        "submit --file a x | give one of TEXT",
        "retry | say which",
        "cancel | say which",
        "retry --all | --all and --status belong together",
        "retry --status failed | --all and --status belong together",
        "retry --all --status failed 7 | give ids or --all, not both",
        "retry --all --status completed | takes failed, cancelled, pending",
        "retry --all --status started | takes failed, cancelled, pending",
        "cancel --all --status failed | takes pending, started",
        "cancel 1 two | 'two' is no issue id",
        "status --watch | --watch draws on a terminal",
        "logs 1 --attempt last | --attempt 'last' is no whole number",
        "logs 1 --json | there is no option '--json'",
        "drain b@d | 'b@d' is no worker id",
        "pause --for 0 | must be longer than nothing",
        "pause --for 5mins | '5mins' is no duration",
        "pause --worker b@d | 'b@d' is no worker id",
        "doctor --databse-url x | did you mean '--database-url'?",
        "--worker-id x status | options go after 'status'"
      })
  void isOneLine(String commandLine, String expected) {
    var ran = OperatorFixture.bare(commandLine.split(" "));
    assertEquals(2, ran.exitCode(), ran.err());
    assertEquals("", ran.out());
    assertEquals(1, ran.err().lines().count(), ran.err());
    assertTrue(ran.err().startsWith("cape-worker: "), ran.err());
    assertTrue(expected == null || ran.err().contains(expected), ran.err());
    assertTrue(ran.err().contains("--help' shows what there is"), ran.err());
  }

  @Test
  void missingDatabaseUrlIsNamed() {
    var ran = OperatorFixture.bare("status", "--env-file", "/dev/null");
    if (System.getenv("DATABASE_URL") == null && System.getenv("CAPE_DATABASE_URL") == null) {
      assertEquals(78, ran.exitCode());
      assertTrue(ran.err().contains("--database-url is missing"), ran.err());
    }
  }
}
