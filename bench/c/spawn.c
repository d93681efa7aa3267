/* The floor: starts a program with posix_spawn, waits for its end, and prints when each start began.
 *
 *   spawn TIMES PAUSE_MILLISECONDS PROGRAM ARGUMENT...
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int count, char **words) {
  if (count < 4) {
    return 64;
  }
  long pause = atol(words[2]);
  struct timespec rest = {pause / 1000, pause % 1000 * 1000000};
  for (int i = atoi(words[1]); i > 0; i--) {
    struct timespec now;
    pid_t child;
    int status;
    nanosleep(&rest, NULL);
    clock_gettime(CLOCK_REALTIME, &now);
    if (posix_spawn(&child, words[3], NULL, NULL, words + 3, environ) != 0 ||
        waitpid(child, &status, 0) != child || status != 0) {
      return 1;
    }
    printf("%lld%09ld\n", (long long)now.tv_sec, now.tv_nsec);
  }
  return 0;
}
