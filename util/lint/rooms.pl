#!/usr/bin/perl
# The direction of dependencies: rooms.pl DIRECTORY (the top of a checkout).
# Each room of libkeystone/src may include what stands in its line below, and
# some things belong to one room alone.

use v5.30;
use warnings;
use File::Find;

my %may = (
    base  => '',
    codec => 'base',
    model => 'base',
    conf  => 'base codec model',
    rt    => 'base',
    zone  => 'base model',
    sql   => 'base codec rt',
    redis => 'base codec rt',
    store => 'base codec model conf rt zone sql redis',
    net   => 'base codec rt',
    srs   => 'base codec model rt net',
    gate  => 'base codec model conf rt zone store net srs',
    api   => 'base codec model conf rt zone store srs gate',
    ops   => 'base codec model conf rt zone store',
    abi   => 'base codec model conf rt zone sql store srs gate api ops',
);

# A library's header, and the only rooms that may know it.
my %only = (
    'sqlite3.h'   => 'sql',
    'libpq-fe.h'  => 'sql',
    'jansson.h'   => 'codec',
    'hiredis/hiredis.h' => 'codec',
    'keystone.h'  => 'abi',
);

my ($top) = @ARGV;
chdir $top or die "rooms: $top: $!\n";
my $bad = 0;

sub complain {
    my ($file, $line, $what) = @_;
    say "$file:$line: $what";
    $bad++;
}

sub each_line {
    my ($file, $see) = @_;
    open my $in, '<', $file or die "rooms: $file: $!\n";
    $see->($.) while defined($_ = <$in>);
}

sub files {
    my ($dir, $pattern) = @_;
    my @found;
    find({ no_chdir => 1,
           wanted => sub { push @found, $_ if -f && /$pattern/ } }, $dir)
        if -d $dir;
    return sort @found;
}

for my $file (files('libkeystone/src', qr/\.(h|cc)$/)) {
    my ($room) = $file =~ m{^libkeystone/src/([^/]+)/};
    if (!defined $room || !exists $may{$room}) {
        complain($file, 1, 'is in no known room: add it to ' . $0);
        next;
    }
    my %allowed = map { $_ => 1 } $room, split ' ', $may{$room};
    each_line($file, sub {
        my ($line) = @_;
        if (/^\s*#\s*include\s*["<]([^">]+)[">]/) {
            my $header = $1;
            if ($header =~ /^ngx_/) {
                complain($file, $line, "$header: no nginx in libkeystone");
            } elsif ($header =~ m{^\.\.?/}) {
                complain($file, $line, "$header: write \"room/file.h\"");
            } elsif ($header =~ m{^(\w+)/} && exists $may{$1}) {
                complain($file, $line, "$room must not include $header "
                    . "(it may include: $room $may{$room})")
                    unless $allowed{$1};
            } elsif ($only{$header} && $only{$header} ne $room) {
                complain($file, $line, "$header belongs to $only{$header}");
            }
        }
        s{//.*}{};
        if ($room ne 'store'
            && /"[^"]*\b(SELECT\s|INSERT\s+INTO|UPDATE\s+\w+\s+SET|
                        DELETE\s+FROM|CREATE\s+(TABLE|INDEX))/x)
        {
            complain($file, $line, "SQL ($1) outside store");
        }
    });
}

for my $file (files('ngx_keystone_module', qr/\.[ch]$/)) {
    each_line($file, sub {
        my ($line) = @_;
        return unless /^\s*#\s*include\s*["<]([^">]+)[">]/;
        my $header = $1;
        return if $header =~ m{^ngx_\w+\.h$} || $header eq 'keystone.h';
        # What C and POSIX bring is fine; a header of the core is not.
        complain($file, $line, "$header: the glue knows keystone.h only")
            if $header =~ m{^(\.\.|libkeystone|src|base|codec|model|rt|zone|
                              sql|store|gate|api|abi)/}x;
    });
}

exit($bad ? 1 : 0);
