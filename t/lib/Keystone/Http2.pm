package Keystone::Http2;

# As much of an HTTP/2 client as a test of nginx needs, over plain TCP with
# prior knowledge: streams in parallel, bodies in pieces, resets. curl 7.88
# loses answers that come before it has sent its body.
#
#     my $h2 = Keystone::Http2->new($port);
#     my $id = $h2->send('POST', '/api/', body => '{}',
#                        headers => { 'content-type' => 'application/json' });
#     my ($status, $body) = $h2->answer($id);

use v5.30;
use warnings;

use IO::Select;
use IO::Socket::INET;

use constant {
    DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6,
    GOAWAY => 7, WINDOW_UPDATE => 8,
    END_STREAM => 1, ACK => 1, END_HEADERS => 4,
};

# of the static table of HPACK
my %indexed = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400,
               13 => 404, 14 => 500);

sub new {
    my ($class, $port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port) or die "connect: $!";
    my $self = bless { socket => $socket, next => 1, in => '' }, $class;
    $self->write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        . frame(SETTINGS, 0, 0, ''));
    return $self;
}

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}

sub write {
    my ($self, $bytes) = @_;
    my $done = 0;
    while ($done < length $bytes) {
        $done += syswrite($self->{socket}, $bytes, length($bytes) - $done,
                          $done) // return;
    }
}

# literal, never indexed, not Huffman coded
sub field {
    my ($name, $value) = @_;
    return "\x10" . join '', map { short($_) } $name, $value;
}

sub short {
    my ($text) = @_;
    my $length = length $text;
    return chr($length) . $text if $length < 127;
    $length -= 127;
    my $more = '';
    while ($length >= 128) {
        $more .= chr($length % 128 + 128);
        $length = int($length / 128);
    }
    return chr(127) . $more . chr($length) . $text;
}

# A request; `open` leaves its body to be ended by data().
sub send {
    my ($self, $method, $path, %option) = @_;
    my $id = $self->{next};
    $self->{next} += 2;
    $self->{streams}{$id} = { body => '' };
    my $body = $option{body};
    my $headers = field(':method', $method) . field(':path', $path)
        . field(':scheme', 'http') . field(':authority', 'x');
    my $more = $option{headers} // {};
    $headers .= field(lc $_, $more->{$_}) for sort keys %$more;
    my $ends = !defined $body && !$option{open};
    $self->write(frame(HEADERS, END_HEADERS | ($ends ? END_STREAM : 0), $id,
                       $headers));
    $self->data($id, $body, !$option{open}) if defined $body;
    return $id;
}

sub data {
    my ($self, $id, $body, $last) = @_;
    my @pieces = unpack '(a16384)*', $body;
    @pieces = ('') unless @pieces;
    while (defined(my $piece = shift @pieces)) {
        $self->write(frame(DATA, $last && !@pieces ? END_STREAM : 0, $id,
                           $piece));
    }
}

sub reset {
    my ($self, $id) = @_;
    $self->write(frame(RST_STREAM, 0, $id, pack 'N', 8));
}

# One frame from the server into the streams; false when it has gone.
sub read {
    my ($self, $seconds) = @_;
    while (1) {
        if (length $self->{in} >= 9) {
            my ($high, $low, $type, $flags, $id)
                = unpack 'CnCCN', $self->{in};
            my $length = $high << 16 | $low;
            if (length $self->{in} >= 9 + $length) {
                my $payload = substr $self->{in}, 9, $length;
                substr($self->{in}, 0, 9 + $length) = '';
                $self->take($type, $flags, $id, $payload);
                return 1;
            }
        }
        IO::Select->new($self->{socket})->can_read($seconds) or return 0;
        sysread($self->{socket}, $self->{in}, 65536, length $self->{in})
            or return 0;
    }
}

sub take {
    my ($self, $type, $flags, $id, $payload) = @_;
    my $stream = $self->{streams}{$id} // {};
    if ($type == HEADERS) {
        my $first = ord $payload;
        $stream->{status} = $first & 0x80
            ? $indexed{ $first & 0x7f } : substr $payload, 2, 3;
    } elsif ($type == DATA) {
        $stream->{body} .= $payload;
    } elsif ($type == RST_STREAM) {
        $stream->{done} = 1;
    } elsif ($type == SETTINGS && !($flags & ACK)) {
        $self->write(frame(SETTINGS, ACK, 0, ''));
    } elsif ($type == PING && !($flags & ACK)) {
        $self->write(frame(PING, ACK, 0, $payload));
    }
    $stream->{done} = 1
        if ($type == HEADERS || $type == DATA) && $flags & END_STREAM;
}

# (status, body), or nothing in time
sub answer {
    my ($self, $id, $seconds) = @_;
    while (!$self->{streams}{$id}{done}) {
        $self->read($seconds // 10) or return;
    }
    return @{ $self->{streams}{$id} }{qw( status body )};
}

1;
