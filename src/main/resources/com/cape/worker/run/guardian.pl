# cape-guardian
# cape-guardian --end RECORD GRACE ID
#
# Runs one command after the other, each in a process group of its own, and ends all that it started
# when it has ended, when the worker asks, when the life line, this script's standard input, is
# closed, or when its deadline passes. Written for Perl 5.18 and newer, without modules beyond its
# core. Three processes share the work: the watcher, which is this one, reads the life line; its
# child, the starter, forks a process ahead that becomes the next command, waits for it, and is
# outlived by the watcher where a command kills it; a third one waits for the watcher's death, and
# outlives a signal to the worker's whole group.
#
# On Linux, watcher and starter adopt what a command's processes leave behind (prctl(2):
# PR_SET_CHILD_SUBREAPER), so that no process of a run can get away from them. Elsewhere, and for who
# comes when they have been killed, a run's processes are those of its group, those with its cookie
# and, without /proc, the descendants that were seen.
#
# On the life line, a line each, N being the run's number:
#   run N GRACE DEADLINE COOKIE DIRECTORY    start what DIRECTORY/spec says
#   until N DEADLINE                         a later deadline; one that has passed is never extended
#   stop N                                   end the run
#   over N                                   the worker has read that the run is over
# On standard output:
#   begun            the command was started; said with "exit", for to wake somebody delays its start
#   exit STATUS      the run's first process has ended; without "begun" before, it was not the command
#   left PID NAME    what could not be ended
#   outlived COUNT   processes that were alive when the first one had ended by itself
#   over N           nothing more comes of this run
#   unforked         no process can be had; no run was begun
#
# GRACE    whole seconds between TERM and KILL
# DEADLINE whole seconds on the lease's clock at which the run is ended
# COOKIE   CAPE_RUN_ID=ID, that each process of the run has in its environment, unless it wiped it
# DIRECTORY/spec    NUL-terminated: machine (two items), deadline, grace, cookie, the directory to run
#                   in, the file to which output is appended, NAME=value of each added variable, an
#                   empty string, the command's words
# DIRECTORY/record  lines, which count once they are whole; the first may be empty. "pid PID START" of
#                   the run's first process, "due WHY" before a watcher ends the run, "ended" after,
#                   "exit STATUS", and before that "unstarted" where the command was not started;
#                   WHY is "late" or "cut": the deadline, or the worker or its death
#
# In the environment, CAPE_GIVEN_NAME is what commands get as NAME: the worker keeps from Perl what
# Perl would obey.
#
# --end ends what is left of a run whose guardian was killed.

use strict;
use warnings;

my $proc = '/proc';
my $has_proc = -r "$proc/self/stat";
my $most_rounds = 60;
my $quick_kills = 200;
my $most_bytes = 16 << 20;
my $missing = 2;         # ENOENT
my $interrupted = 4;     # EINTR
my $too_long = 7;        # E2BIG
my $without_waiting = 1; # WNOHANG

my @ignored = qw(HUP INT QUIT TERM PIPE TSTP);
my %given = map { $_ => $SIG{$_} // 'DEFAULT' } @ignored;

my ($number, $grace, $deadline, $cookie, $record) = (0, 0, 0, '', '');
my ($first, $start, $due, $ended) = (0, '', 0, 0); # what the record says
my $group = 0;                        # 0 while there is none
my %known;                            # descendants that were seen, without /proc
my (@found, @strays);                 # the living of the run, and those of them outside its group
my $met_first = 0;                    # whether one of them is in the first process's group
my $adopts = 0;
my ($starter, $third, $to_third, $bell, $from_starter, $life_of_starter, $board, $gate) = (0, 0);
my ($untold, $rang) = (0, 0);         # bytes that the third process may not have read; whether it has
                                      # read of the run
my $said_over = 0;                    # whether the starter is done with the run

# A command may put into a file's place what would block who opens it, or fill the memory.
sub read_file {
  my ($path) = @_;
  return if !-f $path;
  open(my $file, '<:raw', $path) or return;
  my $text = '';
  while (length $text < $most_bytes && sysread $file, $text, 65536, length $text) { }
  return $text;
}

# State, parent, group and so on of a process: field 3 and on of proc(5). The name before them may
# hold anything.
sub look_at {
  my $line = read_file("$proc/$_[0]/stat");
  return if !defined $line || $line !~ s/^.*\)//s;
  return split ' ', $line;
}

sub ps { # ARGUMENTS
  # A start's text depends on them.
  local @ENV{qw(TZ LC_ALL)} = qw(UTC C);
  open(my $said, '-|', '/bin/ps', @_) or return;
  my @lines = <$said>;
  close $said;
  chomp @lines;
  return @lines;
}

# What tells a process from a later one with its number; empty when it is gone.
sub start_of {
  my ($pid) = @_;
  if ($has_proc) {
    my @fields = look_at($pid);
    return @fields ? $fields[19] : '';
  }
  my ($said) = ps('-o', 'lstart=', '-p', $pid);
  return join '_', split ' ', $said // '';
}

# The lease's clock, which runs on while the machine is suspended, in seconds. A file that cannot be
# read for once does not change the clock.
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

# Makes this process the parent of orphans among its descendants.
sub adopt {
  require Config;
  no warnings 'once';
  my ($name, $size) = @Config::Config{qw(archname ptrsize)};
  my $prctl = $name !~ /linux/ || !$has_proc ? 0
    : $name =~ /^x86_64/ && $size == 8 ? 157
    : $name =~ /^(?:aarch64|riscv64|loongarch64)/ ? 167
    : 0;
  return if !$prctl;
  my $is = pack 'i!', 0;
  syscall($prctl, 36, 1, 0, 0, 0);
  syscall($prctl, 37, $is, 0, 0, 0);
  $adopts = unpack 'i!', $is;
}

# Puts the living processes of the run into @found, and of these the ones that left its group into
# @strays. A zombie is not alive, and may stay for long where process 1 is no real init.
sub look {
  @found = @strays = ();
  $met_first = 0;
  if ($adopts) { look_by_adoption() }
  elsif ($has_proc) { look_by_group_and_cookie() }
  else { look_by_descent() }
  return scalar @found;
}

sub pids {
  opendir(my $all, $proc) or return;
  return grep { /^[0-9]+$/ } readdir $all;
}

sub look_by_adoption {
  return if !bury();
  my (%children, %group_of);
  for my $pid (pids()) {
    my ($state, $parent, $its_group) = look_at($pid) or next;
    # A child that is a zombie and cannot be waited for has threads that live.
    next if $state eq 'Z' && $parent != $$;
    $group_of{$pid} = $its_group;
    push @{$children{$parent}}, $pid;
  }
  # Where /proc hides processes (proc(5): hidepid), this list does not.
  for my $pid (grep { !defined $group_of{$_} } children()) {
    $group_of{$pid} = 0;
    push @{$children{$$}}, $pid;
  }
  my @parents = ($$);
  while (defined(my $parent = shift @parents)) {
    for my $pid (@{$children{$parent} // []}) {
      next if $pid == $third;
      push @parents, $pid;
      found($pid, $group_of{$pid}) if $pid != $starter;
    }
  }
  # The starter has made sure of it, and may have forked ahead since.
  @found = @strays = () if starter_is_done();
}

sub found { # PID GROUP
  my ($pid, $its_group) = @_;
  push @found, $pid;
  push @strays, $pid if $its_group != $group;
  $met_first = 1 if $its_group == $first;
}

sub starter_is_done {
  while ($from_starter && ready(0, $from_starter) && sysread $from_starter, my $said, 64) {
    $said_over = 1;
  }
  return $said_over;
}

sub look_by_group_and_cookie {
  for my $pid (pids()) {
    my ($state, $parent, $its_group) = look_at($pid) or next;
    # With threads that live, its first one may have ended.
    next if $pid == $$ || $state eq 'Z' && (() = glob "$proc/$pid/task/*") < 2;
    # The kernel's own, and those of a group outside of this namespace, are in group 0.
    found($pid, $its_group) if $group && $its_group == $group || has_cookie($pid);
  }
}

sub has_cookie {
  my $variables = read_file("$proc/$_[0]/environ");
  return defined $variables && index("\0$variables", "\0$cookie\0") >= 0;
}

# Descendants are remembered, for they have no parent of ours any more once it has ended. A child may
# stand before its parent, where numbers have begun anew. After the words, ps shows the environment of
# those that do not hide it.
sub look_by_descent {
  my @all = map { [split ' ', $_, 5] } ps('axeww', '-o', 'pid=,ppid=,pgid=,stat=,command=');
  # It cannot fork.
  @all = ([$group, $$, $group, '?', '']) if !@all && $group && kill 0 => -$group;
  for (my $before = -1; $before != keys %known;) {
    $before = keys %known;
    for my $one (@all) {
      my ($pid, $parent, $its_group, undef, $words) = @$one;
      $known{$pid} = 1
        if $known{$parent} || $group && $its_group == $group || " $words " =~ / \Q$cookie\E /;
    }
  }
  for my $one (grep { $known{$_->[0]} && $_->[3] !~ /^Z/ } @all) {
    found($one->[0], $one->[2]);
  }
}

# To all that the last look has found, and to the group as a whole, which no fork slips through. A
# group that nobody is left in may have become another's.
sub signal_found { # SIGNAL
  kill $_[0] => -$group if $group > 1 && @found > @strays;
  kill $_[0] => @found;
}

# The kernel may be without this list (proc_pid_task(5): CONFIG_PROC_CHILDREN); then what it hides is
# not found, and a chain may be too fast.
sub children {
  my $all = read_file("$proc/$$/task/$$/children") // '';
  return grep { $_ != $starter && $_ != $third } split ' ', $all;
}

# Against a chain of processes that each start the next one and end, before a look is over.
sub kill_children {
  for (1 .. $quick_kills) {
    my @children = children() or return;
    kill KILL => @children;
    bury();
  }
}

# Takes the exit statuses of children that have ended; false when there is no other child.
sub bury {
  my $ended;
  do { $ended = waitpid -1, $without_waiting } while $ended > 0;
  return $ended == 0;
}

# TERM and grace unless both were given, KILL until two looks in a row find nobody. Returns how many
# lived before, or nothing when some cannot be ended.
sub end_run { # [GIVEN]
  my ($given) = @_;
  my $lived = 0;
  if (!$given && look()) {
    $lived = @found;
    signal_found('TERM');
    my $until = now() + $grace;
    for (my $wait = 0.005; now() < $until && look(); $wait *= 2) {
      pause($wait < 0.1 ? $wait : 0.1);
    }
  }
  my ($misses, $rounds) = (0, 0);
  while ($misses < 2) {
    if (look()) {
      $misses = 0;
      return if ++$rounds > $most_rounds;
      signal_found('KILL');
      kill_children() if $adopts;
      # A process in the kernel dies when it leaves it.
      pause($rounds > 20 ? 0.1 : 0.001);
    } else {
      $misses++;
    }
  }
  return $lived;
}

sub left {
  my $said = '';
  for my $pid (@found) {
    my ($name) = $has_proc ? read_file("$proc/$pid/comm") : ps('-o', 'comm=', '-p', $pid);
    ($name //= 'unknown') =~ s/\n+$//;
    $name =~ tr/\n/ /;
    $said .= "left $pid $name\n";
  }
  return $said;
}

# A command can write into its record, too, or delete it: who its first process is counts once.
sub read_record {
  ($due, $ended) = (0, 0);
  my $lines = read_file($record);
  return 0 if !defined $lines;
  for my $line ($lines =~ /^(.*)\n/mg) {
    ($first, $start) = ($1, $2) if !$first && $line =~ /^pid ([0-9]{1,10}) (\S+)$/;
    $due = 1 if $line =~ /^due /;
    $ended = 1 if $line eq 'ended';
  }
  return 1;
}

# Notes something in the record, where it can: the disk may be full, or what is there no file.
sub note {
  return if -e $record && !-f _;
  open(my $file, '>>', $record) or return;
  syswrite $file, "$_[0]\n";
  close $file;
}

# Finds the run's group. Its number stays the run's as long as a process of the group lives: then the
# process with that number is the first one of the run, or a process of the group has the cookie. A
# watcher needs no such proof just after the starter has died: that would have ended the group with
# its first process.
sub find_group {
  $group = 0;
  read_record();
  # 1 is no group of ours, and a signal to it would reach everybody.
  return if $first < 2;
  my $began = start_of($first);
  # A zombie can be signalled, too.
  waitpid $starter, $without_waiting if $starter;
  $group = $first
    if $began eq $start
    || $starter && $began eq '' && !kill 0 => $starter
    || look() && $met_first;
}

# What a line about a run says of it.
sub parse_run { # LINE
  my $directory;
  (undef, $number, $grace, $deadline, $cookie, $directory) = split / /, $_[0], 6;
  $record = "$directory/record";
  ($first, $start, $due, $ended, $group, $said_over) = (0, '', 0, 0, 0, 0);
  %known = ();
  return $directory;
}

# Whether one of the handles can be read, or is closed; without a limit when SECONDS is undefined.
sub ready { # SECONDS HANDLE...
  my ($seconds, @handles) = @_;
  my $ready = '';
  vec($ready, fileno $_, 1) = 1 for @handles;
  my $count = select $ready, undef, undef, $seconds;
  return grep { vec $ready, fileno $_, 1 } $count > 0 ? @handles : ();
}

# The next line out of a buffer, and what a handle still gives; nothing once that is closed. Waits,
# if need be.
sub read_line { # HANDLE BUFFER
  my $end;
  while (($end = index $_[1], "\n") < 0) {
    my $read = sysread $_[0], $_[1], 65536, length $_[1];
    return if defined $read ? $read == 0 : $! != $interrupted;
  }
  my $line = substr $_[1], 0, $end + 1, '';
  chomp $line;
  return $line;
}

# A process like this one; nothing when none can be had.
sub forked { # WORK
  my ($work) = @_;
  my $pid = fork;
  return $pid if !defined $pid || $pid;
  open STDIN, '<', '/dev/null';
  $work->();
  exit 0;
}

# The watcher.

# Notes why the run is ended, and ends it. A command that is about to start notes its process first,
# and then looks at the record: it is found here, or does not start.
sub watcher_ends { # WHY
  note("due $_[0]");
  find_group();
  end_run();
  note('ended');
  # Numbers may soon be others'.
  $group = 0;
  %known = ();
}

sub start_third { # RUN
  my ($run) = @_;
  my $watcher = $$;
  pipe(my $from_watcher, my $told) or return;
  pipe(my $rung, my $ringing) or return;
  ($to_third, $bell, $untold) = ($told, $ringing, 0);
  $third = forked(sub {
    # In a group of its own: a signal to the worker's, which the guardian is in, leaves it alive.
    setpgrp 0, 0;
    close $_ for $to_third, $bell, $gate, $board;
    watch_the_watcher($from_watcher, $rung, $watcher);
  }) // 0;
  tell_third($run);
}

# Told without waking it, which each short run would pay for: it reads when the bell rings, and when
# this process has died. A pipe may take no more than 4096 bytes (pipe(7): pipe-user-pages-soft).
sub tell_third { # LINE
  return if !$bell;
  $untold += syswrite($to_third, "$_[0]\n") // 0;
  ring() if $untold > 1024;
}

sub ring {
  return if !$bell;
  ($untold, $rang) = (0, 1);
  syswrite $bell, '.';
}

# Where the third process was stopped, it goes on; where it was killed, a new one takes its place.
sub keep_third { # RUN
  if (!$third || waitpid $third, $without_waiting) { start_third($_[0]) }
  else { kill CONT => $third }
}

# Waits for the watcher's death, and then does what that would have done. A command may stop its
# watcher, or somebody the worker's whole group: that goes on after 3 s where the bell did not ring.
sub watch_the_watcher { # HANDLE BELL WATCHER
  my ($from_watcher, $rung, $watcher) = @_;
  my ($buffer, $lives, $dead) = ('', 0, 0);
  $adopts = 0;
  while (!$dead) {
    if (!ready(!$lives ? 3 : $first ? 1 : 0.05, $rung)) {
      read_record() if $lives && !$first;
      kill CONT => $watcher if getppid == $watcher;
      next;
    }
    my $read = sysread $rung, my $rings, 64;
    $dead = defined $read ? $read == 0 : $! != $interrupted;
    while ($dead || $buffer =~ /\n/ || ready(0, $from_watcher)) {
      my $line = read_line($from_watcher, $buffer) // last;
      if ($line =~ /^run /) {
        parse_run($line);
        $lives = 1;
      } elsif ($line eq 'over') {
        $lives = 0;
      }
    }
    read_record() if $lives && !$first;
  }
  watcher_ends('cut') if $lives;
}

# Reads the life line until that is closed or the starter has died.
sub watch {
  my ($buffer, $run, $done) = ('', '');
  while (1) {
    my $closed = 0;
    # Soon, for the record may not be there for long.
    my $wait = !$run ? undef : $first ? 1 : 0.05;
    for my $handle ($buffer =~ /\n/ ? () : ready($wait, \*STDIN, $life_of_starter)) {
      my $read = sysread $handle, $buffer, 65536, length $buffer;
      $closed ||= defined $read ? $read == 0 : $! != $interrupted;
    }
    my $line = $buffer =~ s/^(.*)\n// ? $1 : '';
    if (!$run) {
      return if $closed;
      next if $line !~ /^run /;
      ($run, $done) = ($line, 0);
      # What the starter said of the run before may be unread.
      starter_is_done();
      parse_run($run);
      # The third one first, for nobody else would guard the run if this process were killed now. The
      # starter looks at the board once its child has ended, which reads the gate.
      keep_third('over');
      $rang = 0;
      tell_third($run);
      syswrite $board, "$run\n";
      syswrite $gate, "$run\n";
      next;
    }
    if ($line eq "over $number") {
      $run = '';
      tell_third('over');
      ring() if $rang && $untold;
      next;
    }
    read_record() if !$first;
    keep_third($run);
    ring() if $untold;
    if ($closed) {
      watcher_ends('cut');
      return;
    }
    # A command may stop its parent.
    kill CONT => $starter;
    if (!$done && ($line eq "stop $number" || now() >= $deadline) && !starter_is_done()) {
      watcher_ends($line eq "stop $number" ? 'cut' : 'late');
      syswrite $board, "ended $number\n";
      $done = 1;
    } elsif ($line =~ /^until $number ([0-9]+)$/) {
      $deadline = $1;
    }
  }
}

# The starter.

# The items of a specification: the directory to run in, the output's file, variables, and words.
sub parse_spec { # ITEM...
  my (undef, undef, undef, undef, $its_cookie, $place, $output, @rest) = @_;
  pop @rest;
  my @added = ($its_cookie);
  while (defined(my $variable = shift @rest)) {
    last if $variable eq '';
    push @added, $variable;
  }
  return ($place, $output, \@added, \@rest);
}

sub open_output { # FILE
  return open(STDERR, '>>', $_[0]) && open STDOUT, '>&', \*STDERR;
}

sub add_to_environment { # NAME=VALUE...
  for (@_) { $ENV{$1} = $2 if /^([^=]*)=(.*)$/s }
}

# Does for nothing what is done between a run's line and its command's start. A process forked ahead
# pays for each page of memory when it first uses it: while nobody waits, like this.
sub rehearse {
  my $buffer = "run 0 0 0 $cookie $proc\n";
  parse_run(read_line(\*STDIN, $buffer));
  $record = "$proc/uptime";
  my $spec = join "\0", (read_file($record) // '') x 6, '/dev/null', 'PWD=', '', '', '';
  my (undef, $output, $added, $words) = parse_spec(split /\0/, $spec, -1);
  now();
  read_record();
  open_output($output);
  chdir '.';
  add_to_environment(@$added);
  no warnings 'exec';
  exec { $words->[0] } @$words;
}

# Becomes the first process of a run. It is forked ahead, so that no run has to wait for that.
sub become_command { # GATE LINE LAST PARENT TO_PARENT
  my ($from_gate, $line, $last, $parent, $to_parent) = @_;
  my ($buffer, $began) = ('', start_of($$));
  # What a stop sends is not to be lost once this is the command.
  @SIG{keys %given} = values %given;
  for my $name (grep { /^CAPE_GIVEN_/ } keys %ENV) {
    $ENV{$name =~ s/^CAPE_GIVEN_//r} = delete $ENV{$name};
  }
  rehearse() if !$line;
  while (!$line) {
    $line = read_line($from_gate, $buffer) // return;
    # One that another process has been given instead.
    $line = '' if $line !~ /^run ([0-9]+)/ || $1 <= $last;
  }
  syswrite $to_parent, '.';
  my $directory = parse_run($line);
  my @items = split /\0/, read_file("$directory/spec") // '', -1;
  # A worker that was frozen after its claim comes too late: the run may be another's by now.
  if (now() >= ($items[2] || 0)) {
    note('due late');
    note('ended');
    exit 143;
  }
  # Noted before the command begins, which may well kill this guardian. Without a record the disk is
  # full, or the run is settled already, and its directory deleted.
  note("pid $$ $began");
  exit 143 if !read_record() || $first != $$ || $due || getppid != $parent;
  my ($place, $output, $added, $words) = parse_spec(@items);
  open_output($output) or exit 1;
  syswrite $to_parent, 'b';
  if (!chdir $place) {
    print STDERR "cannot run in $place: $!\n";
    syswrite $to_parent, 'x';
    exit 127;
  }
  $ENV{PWD} = $place;
  add_to_environment(@$added);
  no warnings 'exec';
  exec { $words->[0] } @$words;
  my $why = $! + 0;
  print STDERR "cannot start $words->[0]: $!\n";
  # Words that are too long are the issue's own: another try would fare no better.
  syswrite $to_parent, 'x' if $why != $too_long;
  exit($why == $missing ? 127 : 126);
}

# Forks ahead, and sees one run after the other through.
sub start_runs { # BOARD GATE TO_WATCHER LIFE
  my ($from_board, $from_gate, $to_watcher, $life) = @_;
  my ($buffer, $run, $last, $parent) = ('', '', 0, $$);
  pipe(my $from_child, my $to_parent) or return;
  adopt();
  while (1) {
    my $child = forked(sub {
      setpgrp 0, 0;
      close $_ for $to_watcher, $life;
      become_command($from_gate, $run, $last, $parent, $to_parent);
    });
    if (!defined $child) {
      syswrite STDOUT, "unforked\n";
      return;
    }
    my $status = await_child($child);
    while (!$run && ($buffer =~ /\n/ || ready(0, $from_board))) {
      $run = read_line($from_board, $buffer) // return;
      $run = '' if $run !~ /^run /;
    }
    # Where it has ended without taking its run, another process is given that.
    # It tells over a handle that its exec closes, which is read when it has ended.
    next if !$run || !(ready(0, $from_child) && sysread $from_child, my $told, 64);
    parse_run($run);
    ($group, $last) = ($child, $number);
    my $begun = $told =~ /b/ && $told !~ /x/;
    note($begun ? "exit $status" : "unstarted\nexit $status");
    my $said = $begun ? "begun\nexit $status\n" : "exit $status\n";
    read_record();
    # What it adopts, it knows for sure.
    if ($due || !$adopts || look()) {
      syswrite STDOUT, $said;
      $said = clean_up($from_board, $buffer);
    }
    $group = 0;
    $run = '';
    syswrite $to_watcher, '.';
    syswrite STDOUT, "${said}over $number\n";
  }
}

# Waits until a child has ended, and buries what was adopted; returns the exit status as of a shell.
sub await_child { # PID
  my $ended;
  do { $ended = waitpid -1, 0 } while $ended > 0 && $ended != $_[0];
  return $? & 127 ? 128 + ($? & 127) : $? >> 8;
}

# Ends what lives of a run whose first process has ended; returns what is to be told of it.
sub clean_up { # BOARD BUFFER
  # A grace is not over when the first process ends.
  await_watcher($_[0], $_[1]) if $due && !$ended;
  my $lived = end_run($due);
  return left() if !defined $lived;
  return $due || !$lived ? '' : "outlived $lived\n";
}

# Waits until the watcher has ended the run, or the third process where that was killed.
sub await_watcher { # BOARD BUFFER
  my $until = now() + $grace + 3;
  while (now() < $until && ($_[1] =~ /\n/ || ready($until - now(), $_[0]))) {
    my $line = read_line($_[0], $_[1]);
    return if ($line // '') eq "ended $number";
    next if defined $line;
    read_record();
    return if $ended;
    pause(0.1);
  }
}

# For a run that no guardian ends. A watcher that is left ends it, too, and knows its group. It
# notices within a second that the starter has died.
sub await_other_watchers {
  return if $grace == 0 || (-s $record || 0) < 2;
  for (my $turns = 0; $turns < ($due ? 5 * $grace + 15 : 8); $turns++) {
    read_record();
    return if $ended;
    pause(0.2);
  }
}

sub guard {
  # No handler: what is ignored interrupts no wait.
  @SIG{@ignored} = ('IGNORE') x @ignored;
  adopt();
  pipe(my $from_board, $board) or return;
  pipe(my $from_gate, $gate) or return;
  pipe($from_starter, my $to_watcher) or return;
  pipe($life_of_starter, my $life) or return;
  $starter = forked(sub {
    close $_ for $board, $gate, $from_starter, $life_of_starter;
    undef $from_starter;
    start_runs($from_board, $from_gate, $to_watcher, $life);
  });
  if (!defined $starter) {
    syswrite STDOUT, "unforked\n";
    return;
  }
  close $_ for $from_board, $from_gate, $to_watcher, $life;
  open STDOUT, '>', '/dev/null';
  start_third('over');
  watch();
  tell_third('over');
  # One that was stopped would not end.
  my @others = grep { $_ && !waitpid $_, $without_waiting } $starter, $third;
  kill CONT => @others;
  close $_ for $board, $gate, grep { $_ } $to_third, $bell;
  # Process 1 may bury nobody.
  waitpid $_, 0 for @others;
  bury();
}

$0 = 'cape-guardian';
eval { require Time::HiRes } if !$has_proc;
now();
if (($ARGV[0] // '') eq '--end') {
  # Not a word like the cookie, which others of this kind look for.
  ($record, $grace, $cookie) = (@ARGV[1, 2], "CAPE_RUN_ID=$ARGV[3]");
  await_other_watchers();
  find_group();
  syswrite STDOUT, left() if !defined end_run();
} else {
  guard();
}
