# cape-guardian
# cape-guardian --end RECORD GRACE RUN_ID WHY
#
# Guards the runs of one slot, one after the other. A run has a session of its own. The guardian ends
# all processes of a run when the first one has ended, when the worker asks for it, and when the deadline
# passes. If the worker is gone, it ends the run, or keeps it for the next process of that worker, which
# then speaks to it in the files of the run's folder. Written for Perl 5.18 and newer, core modules only.
#
# Two processes do this, each in a session of its own:
#   watcher  ends the run if the starter was killed
#   starter  reads the life line, starts the commands and ends their runs, also if the watcher was killed
# Between runs the starter has a child already that will become the next command.
# While a run lives, each sends the other CONT once a second, for a command may stop them.
#
# On Linux both adopt orphans (prctl(2): PR_SET_CHILD_SUBREAPER), so no process of a run can get away.
# Elsewhere, and for --end, the processes of a run are those of its group, those with its CAPE_RUN_ID,
# and, without /proc, the descendants of these.
#
# The life line, from the worker to the starter's standard input. N numbers the runs.
#   run N GRACE DEADLINE RUN_ID FOLDER  start the command that FOLDER/spec describes
#   until N DEADLINE                    the new deadline; ignored once the old one has passed
#   stop N WHY                          end the run
#   end of file                         the worker is gone: end the run or keep it, and exit after it
# From the starter to the watcher: "run" as above, "first PID", the run's first process, and "over".
# From the starter to the worker, on standard output:
#   starter PID      the first line
#   begun            the command was started; written together with "exit"
#   stopped WHY      the guardian began to end the run before its first process ended
#   exit STATUS      the first process has ended; without "begun" it did not become the command
#   left PID NAME    a process that could not be ended
#   outlived COUNT   processes that were alive when the first one had ended by itself
#   unforked         no process could be created for the run
#   over N           the last line about the run
#
# GRACE     whole seconds between TERM and KILL
# DEADLINE  whole seconds on the lease clock; then the run is ended
# WHY       a word of the worker's, or lease_lost (the deadline), or worker_died
# FOLDER/spec    items that end with NUL: the format number, then a keyword, a blank and a value each:
#                directory, output, variable (NAME=value), word; if the worker is gone also
#                on-death (keep or end), until (when the timeout ends, on the lease clock) and
#                output-limit (bytes); other items are skipped
# FOLDER/lease   from the worker that adopts a kept run: a line "1 INSTANCE DEADLINE", the new deadline
# FOLDER/stop    from the worker that adopts a kept run, or will not: the WHY of the order to end it
# FOLDER/record  lines: the format number, then
#                guardian PID START  the starter, then the watcher, noted with the next one
#                pid PID START   the first process, noted before it becomes the command
#                kept            the worker is gone, and the run goes on
#                owner INSTANCE  this instance's deadline was accepted
#                stop WHY        noted before the first signal of a stop
#                unstarted       the command was not started
#                exit STATUS     the first process has ended
#                ended           nothing of the run is left
#
# Commands get CAPE_GIVEN_NAME as NAME, which Perl would obey. --end ends what is left of a run whose
# guardian was killed or is frozen.

use strict;
use warnings;
use Fcntl qw(F_SETFL O_APPEND O_CREAT O_NOFOLLOW O_NONBLOCK O_RDONLY O_WRONLY);

my $proc = '/proc';
my $has_proc = -r "$proc/self/stat";
my ($max_kill_rounds, $max_quick_kills, $max_bytes) = (60, 200, 16 << 20);
my $max_string = 131071; # MAX_ARG_STRLEN of Linux, less the NUL
my ($enoent, $eintr, $e2big, $wnohang) = (2, 4, 7, 1);

my ($number, $grace, $deadline, $cookie, $record) = (0, 0, 0, '', '');
my ($first, $start) = (0, '');          # the first process, and its start time
my ($stopped, $exited, $ended) = ('', 0, 0); # what the record says
my $group = 0;                          # the run's process group; 0 while it is unknown
my $status;                             # of the first process, once it was waited for
my %known;                              # the descendants seen so far, without /proc
my (@found, @strays);                   # the run's living processes, and those outside its group
my $found_first_group = 0;              # whether one of them is in the first process's group
my $adopts = 0;
my $worker_gone = 0;                    # whether the life line has ended
my $guardian = '';                      # what the record says of this guardian
my ($kept_output, $output_limit) = ('', 0); # of a kept run
my @ignored = qw(HUP INT QUIT TERM PIPE TSTP);

# Never blocks, follows no link, and opens only regular files: a command can put anything in their place.
sub open_regular { # PATH FLAGS
  sysopen(my $file, $_[0], $_[1] | O_NOFOLLOW | O_NONBLOCK, 0600) or return;
  return -f $file ? $file : undef;
}

sub read_file { # PATH
  my $file = open_regular($_[0], O_RDONLY) or return;
  my $text = '';
  while (length $text < $max_bytes && sysread $file, $text, 65536, length $text) { }
  return $text;
}

# Fields 3 and on of proc(5) stat: state, parent, group. The name before them may hold anything.
sub stat_of { # PID
  my $line = read_file("$proc/$_[0]/stat");
  return if !defined $line || $line !~ s/^.*\)//s;
  return split ' ', $line;
}

sub ps { # ARGUMENTS
  # The text of a start time depends on these.
  local @ENV{qw(TZ LC_ALL)} = qw(UTC C);
  open(my $said, '-|', '/bin/ps', @_) or return;
  chomp(my @lines = <$said>);
  return @lines;
}

# The start time, which tells a process from a later one with the same number; empty when it is gone.
sub start_of {
  my ($pid) = @_;
  if ($has_proc) {
    my @fields = stat_of($pid);
    return @fields ? $fields[19] : '';
  }
  my ($said) = ps('-o', 'lstart=', '-p', $pid);
  return join '_', split ' ', $said // '';
}

# The lease clock in seconds, which runs on in a suspend. If a read fails, the time of day fills in.
my ($uptime, $read_at);

sub now {
  my $text = read_file("$proc/uptime");
  if ($text) {
    ($uptime, $read_at) = ((split ' ', $text)[0], time_of_day());
    return $uptime;
  }
  return defined $uptime ? $uptime + time_of_day() - $read_at : time_of_day();
}

sub time_of_day { return defined &Time::HiRes::time ? Time::HiRes::time() : time }
sub pause { select undef, undef, undef, $_[0] }

# The numbers of prctl, setsid and rt_sigprocmask where they are known. POSIX.pm would take a megabyte.
sub system_calls {
  require Config;
  no warnings 'once';
  my ($name, $size) = @Config::Config{qw(archname ptrsize)};
  return (157, 112, 14) if $name =~ /^x86_64.*linux/ && $size == 8;
  return $name =~ /^(?:aarch64|riscv64|loongarch64).*linux/ ? (167, 157, 135) : ();
}

my ($prctl, $setsid, $sigprocmask) = system_calls();
require POSIX if !$setsid;
sub new_session { $setsid ? syscall $setsid : POSIX::setsid() }

# The JVM blocks QUIT in its threads, and children inherit that.
sub unblock_signals {
  return POSIX::sigprocmask(POSIX::SIG_SETMASK(), POSIX::SigSet->new) if !$sigprocmask;
  my $none = pack 'Q', 0;
  syscall $sigprocmask, 2, $none, 0, 8;
}

# Makes this process the parent of its descendants' orphans.
sub adopt {
  $adopts = $prctl && $has_proc && syscall($prctl, 36, 1, 0, 0, 0) == 0;
}

# Fills @found and @strays. A zombie is not alive: where process 1 is no real init, it may stay for long.
sub look {
  @found = @strays = ();
  $found_first_group = 0;
  $adopts ? look_by_adoption() : $has_proc ? look_by_group_and_cookie() : look_by_descent();
  return scalar @found;
}

sub pids {
  opendir(my $all, $proc) or return;
  return grep { /^[0-9]+$/ } readdir $all;
}

# All descendants of this process. The starter has no others; the watcher looks when the starter is gone.
sub look_by_adoption {
  return if !reap();
  my (%children, %group_of);
  for my $pid (pids()) {
    my ($state, $parent, $its_group) = stat_of($pid) or next;
    # A zombie child that cannot be waited for has living threads.
    next if $state eq 'Z' && $parent != $$;
    $group_of{$pid} = $its_group;
    push @{$children{$parent}}, $pid;
  }
  # /proc may hide processes (proc(5): hidepid), but not from this list.
  for my $pid (grep { !defined $group_of{$_} } children()) {
    $group_of{$pid} = 0;
    push @{$children{$$}}, $pid;
  }
  my @parents = ($$);
  while (defined(my $parent = shift @parents)) {
    for my $pid (@{$children{$parent} // []}) {
      push @parents, $pid;
      found($pid, $group_of{$pid});
    }
  }
}

sub found { # PID GROUP
  push @found, $_[0];
  push @strays, $_[0] if $_[1] != $group;
  $found_first_group = 1 if $_[1] == $first;
}

sub look_by_group_and_cookie {
  for my $pid (pids()) {
    my ($state, $parent, $its_group) = stat_of($pid) or next;
    # The first thread of a living process may have ended.
    next if $pid == $$ || $state eq 'Z' && (() = glob "$proc/$pid/task/*") < 2;
    # Group 0 holds the kernel's processes and those of groups outside of this pid namespace.
    found($pid, $its_group) if $group && $its_group == $group || has_cookie($pid);
  }
}

sub has_cookie { # PID
  my $variables = read_file("$proc/$_[0]/environ");
  return defined $variables && index("\0$variables", "\0$cookie\0") >= 0;
}

# Remembers descendants, for they lose their parent when it ends. A child may stand before its parent,
# where the numbers have wrapped. After the words, ps prints the environment unless it is hidden.
sub look_by_descent {
  my @all = map { [split ' ', $_, 5] } ps('axeww', '-o', 'pid=,ppid=,pgid=,stat=,command=');
  # Without memory for ps, the group has to do.
  @all = ([$group, $$, $group, '?', '']) if !@all && $group && kill 0 => -$group;
  for (my $before = -1; $before != keys %known;) {
    $before = keys %known;
    for my $one (@all) {
      my ($pid, $parent, $its_group, undef, $words) = @$one;
      $known{$pid} = 1
        if $known{$parent} || $group && $its_group == $group || " $words " =~ / \Q$cookie\E /;
    }
  }
  found(@$_[0, 2]) for grep { $known{$_->[0]} && $_->[3] !~ /^Z/ } @all;
}

# Signals the processes found, and the group as a whole, so that no fork slips through. A group without
# a process of the run may be another's by now.
sub signal_found { # SIGNAL
  kill $_[0] => -$group if $group > 1 && @found > @strays;
  kill $_[0] => @found;
}

# This process's children; empty on a kernel without the list (proc_pid_task(5): CONFIG_PROC_CHILDREN).
sub children { return split ' ', read_file("$proc/$$/task/$$/children") // '' }

# Against a chain of processes in which each starts the next one and ends before a look is complete.
sub kill_children {
  for (1 .. $max_quick_kills) {
    my @children = children() or return;
    kill KILL => @children;
    reap();
  }
}

# Waits for children that have ended, and keeps the exit status of the first process as a shell has it.
# Returns false when no child is left.
sub reap {
  my $pid;
  while (($pid = waitpid -1, $wnohang) > 0) {
    $status = $? & 127 ? 128 + ($? & 127) : $? >> 8 if $pid == $first;
  }
  return $pid == 0;
}

# Sends TERM, then KILL until two looks in a row find nobody. False when some cannot be ended.
sub end_run {
  if (look()) {
    signal_found('TERM');
    my $until = now() + $grace;
    for (my $wait = 0.005; now() < $until && look(); $wait *= 2) {
      limit_output() if $kept_output ne '';
      pause($wait < 0.1 ? $wait : 0.1);
    }
  }
  my ($misses, $rounds) = (0, 0);
  while ($misses < 2) {
    if (look()) {
      $misses = 0;
      return 0 if ++$rounds > $max_kill_rounds;
      signal_found('KILL');
      kill_children() if $adopts;
      # A process that is in the kernel dies when it leaves it.
      pause($rounds > 20 ? 0.1 : 0.001);
    } else { $misses++ }
  }
  return 1;
}

# The "left" lines for the processes that the last look has found.
sub left {
  my $lines = '';
  for my $pid (@found) {
    my ($name) = $has_proc ? read_file("$proc/$pid/comm") : ps('-o', 'comm=', '-p', $pid);
    $lines .= "left $pid " . (($name // 'unknown') =~ s/\n+$//r =~ tr/\n/ /r) . "\n";
  }
  return $lines;
}

# A command can write into its record or delete it, so the first process is read only once.
sub read_record {
  ($stopped, $exited, $ended) = ('', 0, 0);
  for my $line ((read_file($record) // '') =~ /^(.*)\n/mg) {
    ($first, $start) = ($1, $2) if !$first && $line =~ /^pid ([0-9]{1,10}) (\S+)$/;
    $stopped ||= $1 if $line =~ /^stop (\w+)$/;
    $exited = 1 if $line =~ /^exit /;
    $ended = 1 if $line eq 'ended';
  }
}

# Appends to the record if possible: the disk may be full.
sub note { # LINES
  my $file = open_regular($record, O_WRONLY | O_APPEND | O_CREAT) or return;
  syswrite $file, "$_[0]\n";
}

# Ends a run whose starter is gone. A process that is about to become the command notes itself, then
# reads the record; the stop is noted before that is read here. So either this finds the process, or
# the process finds the stop.
sub end_without_starter { # WHY
  read_record();
  note("stop $_[0]") if !$exited && !$stopped;
  read_record();
  # Group 1 is no run's, and a signal to it would reach everybody. A group's number is not used again
  # while one of its processes lives.
  $group ||= $first
    if $first > 1 && (start_of($first) eq $start || look() && $found_first_group);
  return left() if !end_run();
  note('ended');
  return '';
}

sub parse_run { # LINE
  my $folder;
  (undef, $number, $grace, $deadline, $cookie, $folder) = split / /, $_[0], 6;
  $cookie = "CAPE_RUN_ID=$cookie";
  $record = "$folder/record";
  ($first, $start, $group, $status) = (0, '', 0, undef);
  %known = ();
  return $folder;
}

# The handles that can be read or are closed, after SECONDS at most; undefined is without a limit.
sub ready { # SECONDS HANDLE...
  my ($seconds, @handles) = @_;
  my $bits = '';
  vec($bits, fileno $_, 1) = 1 for @handles;
  my $count = select $bits, undef, undef, $seconds;
  return grep { vec $bits, fileno $_, 1 } $count > 0 ? @handles : ();
}

# Appends to a buffer what a handle gives; false at its end.
sub fill { # HANDLE BUFFER
  my $read = sysread $_[0], $_[1], 65536, length $_[1];
  return defined $read ? $read > 0 : $! == $eintr;
}

sub watch { # STARTER FROM_STARTER
  my ($starter, $from_starter) = @_;
  my ($heard, $run_lives) = ('', 0);
  while (!ready($run_lives ? 1 : 10, $from_starter) || fill($from_starter, $heard)) {
    while ($heard =~ s/^(.*)\n//) {
      my $line = $1;
      parse_run($line) if $line =~ /^run /;
      $first = $group = $1 if $line =~ /^first ([0-9]+)$/;
      $run_lives = $line ne 'over';
    }
    kill CONT => $starter;
  }
  waitpid $starter, 0;
  end_without_starter('worker_died') if $run_lives;
}

# Waits for the life line, until it has ended; false when the watcher is gone.
sub hear { # SECONDS FROM_WATCHER TOLD
  my ($seconds, $from_watcher) = @_;
  for my $handle (ready($seconds, $from_watcher, $worker_gone ? () : \*STDIN)) {
    return 0 if $handle == $from_watcher;
    $worker_gone = 1 if !fill($handle, $_[2]);
  }
  return 1;
}

# The starter: runs one command after the other until the worker or the watcher is gone.
sub start_runs { # FROM_WATCHER TO_WATCHER WATCHER
  my ($from_watcher, $to_watcher, $watcher) = @_;
  my $told = '';
  adopt();
  $guardian = join '', map { "guardian $_ " . start_of($_) . "\n" } $$, $watcher;
  syswrite STDOUT, "starter $$\n";
  while (fork_ahead(), $told =~ /\n/ || !$worker_gone && hear(undef, $from_watcher, $told)) {
    my $line = $told =~ s/^(.*)\n// ? $1 : next;
    # A stop may come after the end of its run.
    run($line, $from_watcher, $told, $to_watcher, $watcher) if $line =~ /^run /;
  }
}

# The first process of the next run waits for its line: a fork takes long. While a run lives there is none.
my ($next, $to_next, $from_next);

sub fork_ahead {
  return if $next && !waitpid $next, $wnohang;
  pipe(my $from_starter, $to_next);
  pipe($from_next, my $to_starter);
  my $starter = $$;
  $next = fork;
  become_command($from_starter, $starter, $to_starter) if defined $next && !$next;
}

sub run { # LINE FROM_WATCHER TOLD TO_WATCHER WATCHER
  my ($line, $from_watcher, undef, $to_watcher, $watcher) = @_;
  my $folder = parse_run($line);
  fork_ahead();
  return syswrite STDOUT, "unforked\nover $number\n" if !defined $next;
  # Nothing was paid for yet: the next process of the worker gives the issue back.
  return note("unstarted\nended") if !hear(0, $from_watcher, $_[2]) || $worker_gone;
  ($first, $group, $next) = ($next, $next, undef);
  my $from_child = $from_next;
  syswrite $to_watcher, "$line\nfirst $first\n";
  syswrite $to_next, "$line\n";
  my $why = await_end($from_watcher, $_[2], $watcher, $folder);
  note("stop $why") if $why;
  my $clean = $why ? end_run() : 1;
  reap();
  # --end notes a stop, too.
  read_record();
  sysread $from_child, my $child_said, 64;
  my $begun = $child_said =~ /b/ && $child_said !~ /x/;
  $stopped ||= $why;
  my $said = ($begun ? "begun\n" : '') . ($stopped ? "stopped $stopped\n" : '');
  my $noted = $begun ? '' : "unstarted\n";
  $_ .= defined $status ? "exit $status\n" : '' for $said, $noted;
  # What this process adopts, it knows for sure.
  if (!$why && (!$adopts || look())) {
    note($noted =~ s/\n$//r);
    syswrite STDOUT, $said;
    my $outlived = $adopts ? @found : look();
    $clean = end_run();
    ($noted, $said) = ('', $outlived && !$stopped ? "outlived $outlived\n" : '');
  }
  $said .= left() if !$clean;
  note($noted . 'ended') if $clean;
  syswrite STDOUT, "${said}over $number\n";
  syswrite $to_watcher, "over\n";
}

# Waits until the first process has ended or the run has to be ended; returns why it has to be.
sub await_end { # FROM_WATCHER TOLD WATCHER FOLDER
  my ($from_watcher, undef, $watcher, $folder) = @_;
  my $spec;
  # The end of a child interrupts the wait, but for one that comes just before it.
  local $SIG{CHLD} = sub { };
  for (my $wait = 0.02; reap(), !defined $status; $wait = $wait < 0.5 ? 2 * $wait : $worker_gone ? 0.5 : 1) {
    while ($_[1] =~ s/^(.*)\n//) {
      my $line = $1;
      return $1 if $line =~ /^stop $number (\w+)$/;
      $deadline = $1 if $line =~ /^until $number ([0-9]+)$/ && now() < $deadline;
    }
    return 'lease_lost' if now() >= $deadline;
    if ($worker_gone) {
      $spec ||= kept_run($folder) or return 'worker_died';
      my $why = look_at_kept_run($folder, $spec);
      return $why if $why;
    }
    return 'worker_died' if !hear($wait, $from_watcher, $_[1]);
    kill CONT => $watcher if getppid == $watcher;
  }
  return '';
}

# What the spec of a run says that is to be kept without its worker; false when it is to be ended.
sub kept_run { # FOLDER
  my %spec = map { /^(on-death|until|output-limit|output) (.*)$/s } split /\0/, read_file("$_[0]/spec") // '';
  return if ($spec{'on-death'} // '') ne 'keep' || !defined $spec{output};
  return if grep { ($spec{$_} // '') !~ /^[0-9]+$/ } qw(until output-limit);
  note('kept');
  ($kept_output, $output_limit) = @spec{qw(output output-limit)};
  return \%spec;
}

# Cuts the output of a kept run, so that the disk does not fill up until the run is gone.
sub limit_output {
  my $file = open_regular($kept_output, O_WRONLY) or return 0;
  return -s $file > $output_limit && truncate $file, $output_limit;
}

# What a worker would look for, and the orders of the one that adopts the run; returns why to end it.
sub look_at_kept_run { # FOLDER SPEC
  my ($folder, $spec) = @_;
  return 'timeout' if now() >= $spec->{until};
  return 'output_limit' if limit_output();
  return $1 if (read_file("$folder/stop") // '') =~ /\A([a-z_]+)\n\z/;
  my ($owner, $until) = (read_file("$folder/lease") // '') =~ /\A1 ([0-9a-f-]+) ([0-9]+)\n\z/ or return '';
  return '' if $until <= $deadline || now() >= $deadline;
  $deadline = $until;
  note("owner $owner") if $owner ne ($spec->{owner} // '');
  $spec->{owner} = $owner;
  return '';
}

# The first process of a run. It says to the starter: b begun, x not begun after all.
sub become_command { # FROM_STARTER STARTER TO_STARTER
  my ($from_starter, $starter, $to_starter) = @_;
  close $to_next;
  open STDIN, '<', '/dev/null';
  new_session();
  # No signal is lost from now on.
  @SIG{@ignored} = ('DEFAULT') x @ignored;
  chomp(my $line = <$from_starter> // exit);
  my $folder = parse_run($line);
  my (%of, @variables, @words);
  for my $item (split /\0/, read_file("$folder/spec") // '') {
    my ($key, $value) = split / /, $item, 2;
    push @variables, $value if $key eq 'variable';
    push @words, $value if $key eq 'word';
    $of{$key} = $value;
  }
  # A worker that was frozen after its claim comes too late: the run may be another's by now.
  note('stop lease_lost') if now() >= $deadline;
  # The command may kill this guardian, so its process is noted first. If that fails, the disk is full,
  # or the run is settled and its folder deleted.
  $first = 0;
  note("${guardian}pid $$ " . start_of($$));
  read_record();
  exit 143 if $first != $$ || $stopped || getppid != $starter;
  my $output = open_regular($of{output} // '', O_WRONLY | O_APPEND) or exit 1;
  # Without O_NONBLOCK, which the command would inherit.
  fcntl $output, F_SETFL, O_APPEND;
  open(STDERR, '>&', $output) && open(STDOUT, '>&', \*STDERR) or exit 1;
  syswrite $to_starter, 'b';
  if (!chdir $of{directory}) {
    print STDERR "cannot run in $of{directory}: $!\n";
    syswrite $to_starter, 'x';
    exit 127;
  }
  $ENV{s/^CAPE_GIVEN_//r} = delete $ENV{$_} for grep { /^CAPE_GIVEN_/ } keys %ENV;
  $ENV{PWD} = $of{directory};
  for (@variables) { $ENV{$1} = $2 if /^([^=]*)=(.*)$/s }
  no warnings 'exec';
  exec { $words[0] } @words;
  my $error = $! + 0;
  my $large = $error == $e2big ? too_large(@words) : '';
  print STDERR "cannot start $words[0]: $!$large\n";
  # Words that are too long are the issue's own: another try would fare no better.
  syswrite $to_starter, 'x' if $error != $e2big || $large;
  exit($error == $enoent ? 127 : 126);
}

# Names the largest variable if the environment is too large for any command.
sub too_large { # WORD...
  my %size = map { $_ => length($_) + 1 + length $ENV{$_} } keys %ENV;
  my ($largest) = sort { $size{$b} <=> $size{$a} } keys %size;
  my ($words, $variables) = map { length join '', @$_ } [@_], [%ENV];
  return '' if grep { length > $max_string } @_ or $variables < $words && $size{$largest} <= $max_string;
  return ": the variable $largest has $size{$largest} bytes, the environment $variables";
}

sub guard {
  $SIG{$_} = 'DEFAULT' for keys %SIG;
  # No handler: an ignored signal interrupts no wait.
  @SIG{@ignored} = ('IGNORE') x @ignored;
  unblock_signals();
  new_session();
  adopt();
  my $watcher = $$;
  pipe(my $from_watcher, my $to_starter);
  pipe(my $from_starter, my $to_watcher);
  my $starter = fork;
  return syswrite STDOUT, "unforked\n" if !defined $starter;
  if (!$starter) {
    new_session();
    close $_ for $to_starter, $from_starter;
    return start_runs($from_watcher, $to_watcher, $watcher);
  }
  close $_ for $from_watcher, $to_watcher;
  open STDIN, '<', '/dev/null';
  open STDOUT, '>', '/dev/null';
  watch($starter, $from_starter);
}

# For --end: lets a guardian that lives end its run, which it begins to do within a second.
sub await_guardian {
  return if $grace == 0 || (-s $record || 0) <= 2;
  for (my $turns = 0; $turns < ($stopped ? 5 * $grace + 15 : 8); $turns++) {
    read_record();
    return if $ended;
    pause(0.2);
  }
}

$0 = 'cape-guardian';
eval { require Time::HiRes } if !$has_proc;
now();
if (($ARGV[0] // '') eq '--end') {
  # CAPE_RUN_ID=ID is not an argument: another --end would find this process by it.
  ($record, $grace, $cookie) = (@ARGV[1, 2], "CAPE_RUN_ID=$ARGV[3]");
  new_session();
  await_guardian();
  syswrite STDOUT, end_without_starter($ARGV[4]);
} else {
  guard();
}
