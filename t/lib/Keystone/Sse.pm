package Keystone::Sse;

# One reader of server-sent events, as EventSource is, but by hand.
#
#     my $feed = Keystone::Sse->new($ks->port, $path);
#     is $feed->status, 200;
#     my ($type, $data, $id) = $feed->event;   # or nothing, in 5 seconds
#     ok $feed->ended;

use v5.30;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw( time );

# headers => { ... }
sub new {
    my ($class, $port, $path, %option) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port) or die "connect: $!";
    my $self = bless { socket => $socket }, $class;
    return $self->ask("GET $path", $option{headers});
}

# Another request on the connection, when the last answer has ended.
sub ask {
    my ($self, $what, $headers) = @_;
    @$self{qw( in text last )} = ('', '', 0);
    $headers //= {};
    print { $self->{socket} } "$what HTTP/1.1\r\nHost: x\r\n",
        (map { "$_: $headers->{$_}\r\n" } sort keys %$headers), "\r\n";
    until ($self->{in} =~ /\r\n\r\n/ || $self->{eof}) {
        last unless $self->fill(5);
    }
    ($self->{head}, $self->{in}) = split /\r\n\r\n/, $self->{in}, 2;
    return $self;
}

sub status { ($_[0]{head} // '') =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub header {
    my ($self, $name) = @_;
    return $self->{head} =~ /^\Q$name\E:\s*(.*?)\r?$/mi ? $1 : undef;
}

# Something more has come, in time.
sub fill {
    my ($self, $seconds) = @_;
    return 0 if $self->{eof};
    IO::Select->new($self->{socket})->can_read($seconds) or return 0;
    my $n = sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
    $self->{eof} = 1 unless $n;
    return $n;
}

# Chunks to text.
sub unchunk {
    my ($self) = @_;
    while ($self->{in} =~ /^([0-9a-f]+)\r\n/i) {
        my ($head, $length) = ($+[0], hex $1);
        last if length $self->{in} < $head + $length + 2;
        $self->{last} = 1 if $length == 0;
        $self->{text} .= substr $self->{in}, $head, $length;
        substr $self->{in}, 0, $head + $length + 2, '';
    }
}

# The next block: a hash of its fields; '' for a comment's name.
sub block {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // 5);
    while (1) {
        $self->unchunk;
        if ($self->{text} =~ s/\A(.*?)\n\n//s) {
            return { map { /^([^:]*):\s?(.*)$/ ? ($1, $2) : () }
                     split /\n/, $1 };
        }
        my $left = $end - time;
        return if $left <= 0 || $self->{last} || !$self->fill($left);
    }
}

# (type, data, id) of the next event
sub event {
    my ($self, $seconds) = @_;
    while (my $block = $self->block($seconds)) {
        $self->{retry} = $block->{retry} if $block->{retry};
        next unless defined $block->{event};
        $self->{id} = $block->{id};
        return @$block{qw( event data id )};
    }
    return;
}

# It ends, as an answer that is whole, in time.
sub ended {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // 5);
    while (!$self->{last}) {
        $self->unchunk;
        last if $self->{last};
        my $left = $end - time;
        return 0 if $left <= 0 || !$self->fill($left);
    }
    return 1;
}

sub close { CORE::close $_[0]{socket} }

1;
