#!/usr/bin/env perl
# The workflow of the simulated week: workflow.pl ISSUE. It sleeps for its issue's time, and fails with
# exit 1 and the words of a real tool when one of the plan's faults holds. It writes what it did to a
# file of its own under runs/; the file's modification time is the last moment at which it lived.
use strict;
use warnings;
use Time::HiRes qw(time sleep utime);

my ($issue) = @ARGV;
my ($folder, $host) = @ENV{qw(WEEK_DIR WEEK_HOST)};
my $BEAT = 0.2;
my $FAILS_AT_START = 5 / 60;    # simulated minutes
my $TRIES_AGAIN = 175 / 60;     # what Claude Code does by itself when the API is down; it costs nothing

my (%plan, @faults);
open my $lines, '<', "$folder/plan" or die "plan: $!";
while (<$lines>) {
  my ($key, @values) = split;
  if ($key eq 'fault') {
    my %fault;
    @fault{qw(kind from until reset host)} = @values;
    push @faults, \%fault;
  } elsif ($key eq 'issue') {
    @plan{qw(minutes tool)} = @values[1, 2] if $values[0] == $issue;
  } else {
    $plan{$key} = $values[0];
  }
}
close $lines;

my $begin = time;
my $minute = $plan{minute};
my $end = $begin + $plan{minutes} * $minute;
my $file = sprintf '%s/runs/%d-%d-%d', $folder, $issue, $begin * 1000, $$;
note('begin', $begin, $issue, $host);
$| = 1;

my ($holds) = grep { $_->{kind} ne 'git' && $_->{from} <= $begin && $begin < $_->{until} } @faults;
if ($holds) {
  start_of_output();
  my $wait = $holds->{kind} eq 'outage' ? $TRIES_AGAIN : $FAILS_AT_START;
  live_until($begin + $wait * $minute);
  fail('start', $holds, $begin + $FAILS_AT_START * $minute);
}

start_of_output();
my ($next) = sort { $a->{from} <=> $b->{from} }
  grep { $_->{kind} ne 'git' && $begin < $_->{from} && $_->{from} < $end && meets($_) } @faults;
if ($next) {
  live_until($next->{from});
  live_until($next->{from} + $TRIES_AGAIN * $minute) if $next->{kind} eq 'outage';
  fail('midrun', $next, $next->{from});
}
live_until($end);
my ($broken) =
  grep { $_->{kind} eq 'git' && $_->{host} eq $host && $_->{from} <= $end && $end < $_->{until} } @faults;
end_of_output();
fail('final', $broken, $end) if $broken;
note('end', $end, 'ok', '-', ($end - $begin) * 1000);
exit 0;

# An overload meets one of two runs that are under way, always the same ones.
sub meets {
  my ($fault) = @_;
  return $fault->{kind} ne 'overload' || $issue % 2 == 0;
}

sub note {
  my ($word, $at, @facts) = @_;
  open my $out, '>>', $file or die "$file: $!";
  print $out join(' ', $word, int($at * 1000), map { /^[\d.]+$/ ? int : $_ } @facts), "\n";
  close $out;
}

sub live_until {
  my ($at) = @_;
  while ((my $left = $at - time) > 0) {
    sleep($left < $BEAT ? $left : $BEAT);
    utime undef, undef, $file;
  }
}

sub fail {
  my ($when, $fault, $paid_until) = @_;
  explain($fault);
  note('end', time, $when, $fault->{kind}, ($paid_until - $begin) * 1000);
  exit 1;
}

sub start_of_output {
  if ($plan{tool} eq 'claude-stream') {
    print '{"type":"system","subtype":"init","cwd":"/srv/checkout","session_id":"', session(), '",',
      '"tools":["Task","Bash","Edit","Read","Write"],"mcp_servers":[],"model":"claude-opus-5-5",',
      '"permissionMode":"bypassPermissions","apiKeySource":"none","uuid":"', session(), "\"}\n";
  } elsif ($plan{tool} eq 'codex') {
    print '{"type":"thread.started","thread_id":"', session(), "\"}\n", "{\"type\":\"turn.started\"}\n";
  }
}

sub end_of_output {
  my $text = 'Done: the flaky test is mended.';
  if ($plan{tool} eq 'claude-stream') {
    result('false', $text, '"total_cost_usd":0.00548,"num_turns":7,"terminal_reason":"completed"');
  } elsif ($plan{tool} eq 'codex') {
    print '{"type":"item.completed","item":{"id":"item_1","type":"agent_message","text":"', $text, "\"}}\n",
      '{"type":"turn.completed","usage":{"input_tokens":1200,"cached_input_tokens":0,"output_tokens":34}}', "\n";
  } else {
    print "$text\n";
  }
}

# What the tools print; nothing at all, or what no rule knows, if the plan says so.
sub explain {
  my ($fault) = @_;
  return if $plan{wordings} eq 'none';
  if ($plan{wordings} eq 'unknown') {
    print "E4711 upstream said no\n";
    return;
  }
  if ($fault->{kind} eq 'git') {
    print STDERR "fatal: could not read Username for 'https://github.com': terminal prompts disabled\n";
    return;
  }
  my $tell = { limit => \&limit, overload => \&overload, outage => \&outage }->{ $fault->{kind} };
  $tell->($fault);
}

sub limit {
  my ($fault) = @_;
  my $reset = int($fault->{until} + 1);
  if ($fault->{reset} eq 'known') {
    if ($plan{tool} eq 'claude-stream') {
      my ($minutes, $hours) = (gmtime $reset)[1, 2];
      my $clock = sprintf '%d:%02d%s', $hours % 12 || 12, $minutes, $hours < 12 ? 'am' : 'pm';
      print '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":', $reset,
        ',"rateLimitType":"five_hour","overageStatus":"rejected","isUsingOverage":false,"unifiedWindows":',
        '{"five_hour":{"utilization":1,"resetsAt":', $reset, ',"status":"rejected"},',
        '"seven_day":{"utilization":0.4,"resetsAt":', $reset + 192800, ',"status":"allowed"}}},',
        '"session_id":"', session(), "\"}\n";
      api_error("You've hit your 5-hour limit \x{c2}\x{b7} resets $clock (UTC)", 429, 'rate_limit',
        'rate_limit_error', ',"api_error":"usage_limit_reached"');
    } elsif ($plan{tool} eq 'claude-text') {
      print "Claude AI usage limit reached|$reset\n";
    } else {
      codex_error(codex_limit());
    }
    return;
  }
  my $text = "API Error: Request rejected (429) \x{c2}\x{b7} This request would exceed your organization's rate limit."
    . ' Please try again later.';
  if ($plan{tool} eq 'codex') {
    codex_error(codex_limit());
  } elsif ($plan{tool} eq 'claude-text') {
    print "$text\n";
  } else {
    api_error($text, 429, 'rate_limit', 'rate_limit_error');
  }
}

sub codex_limit {
  return "You\x{e2}\x{80}\x{99}ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), visit"
    . ' https://chatgpt.com/settings/usage to purchase more credits or try again later.';
}

sub overload {
  my $text = "API Error: Repeated 529 Overloaded errors. The API is at capacity \x{e2}\x{80}\x{94} this is usually"
    . ' temporary. Try again in a moment.';
  if ($plan{tool} eq 'claude-stream') {
    api_error($text, 529, 'server_error', 'overloaded_error');
  } elsif ($plan{tool} eq 'codex') {
    codex_error('Selected model is at capacity. Please try a different model.');
  } else {
    print "$text\n";
  }
}

sub outage {
  my $text = "API Error: 500 Internal server error. This is a server-side issue, usually temporary \x{e2}\x{80}\x{94}"
    . ' try again in a moment.';
  if ($plan{tool} eq 'claude-stream') {
    api_error($text, 500, 'server_error', 'api_error');
  } elsif ($plan{tool} eq 'codex') {
    codex_error('exceeded retry limit, last status: 503 Service Unavailable');
  } else {
    print "$text\n";
  }
}

sub api_error {
  my ($text, $status, $error, $type, $more) = @_;
  print '{"type":"assistant","message":{"model":"<synthetic>","role":"assistant","type":"message","content":',
    '[{"type":"text","text":"', $text, '"}]},"session_id":"', session(), '","error":"', $error,
    '","is_api_error_message":true,"api_error_status":', $status, ',"api_error_type":"', $type, '"', $more // '',
    "}\n";
  result('true', $text, '"total_cost_usd":0,"terminal_reason":"api_error","api_error_status":' . $status);
}

sub result {
  my ($error, $text, $more) = @_;
  print '{"type":"result","subtype":"success","is_error":', $error, ',"result":"', $text, '","session_id":"',
    session(), '","permission_denials":[],', $more, "}\n";
}

sub codex_error {
  my ($text) = @_;
  print '{"type":"error","message":"', $text, "\"}\n", '{"type":"turn.failed","error":{"message":"', $text, "\"}}\n";
}

sub session {
  return sprintf '01a22e5e-9afb-7aa3-%04x-%012x', $issue, int($begin * 1000);
}
