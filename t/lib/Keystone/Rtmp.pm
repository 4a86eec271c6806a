package Keystone::Rtmp;

# One RTMP client that does what a test tells it, message by message; and
# ffmpeg and the driver of t/tools for what many or real clients do.
#
#     my $client = Keystone::Rtmp->new($ks->rtmp_port);
#     $client->publish($key);
#     is $client->status->{code}, 'NetStream.Publish.Start';
#     $client->media(10);
#     ok $client->closed(5);
#
# try_publish($ks, $key) does the first two: what the server says to it, and the
# client. owner($ks) registers somebody through the API of a running Keystone::Server;
# what it returns makes streams and posts as that person.

use v5.30;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw( time );

use Keystone::Env qw( root scratch wait_for );

our @EXPORT_OK = qw( owner try_publish stop_process driver driver_start driver_wait
                     driver_lines ffmpeg has_ffmpeg );

use constant {
    CHUNK => 65536,
    AUDIO => 8, VIDEO => 9, AMF_CMD => 20,
};

# connected, with a message stream; raw => 1: nothing has been said yet
sub new {
    my ($class, $port, %option) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Timeout => 5) or die "connect: $!";
    binmode $socket;
    $socket->setsockopt(6, 1, 1);
    my $self = bless {
        socket => $socket, in => '', chunk => 128, partial => {}, last => {},
        messages => [], trans => 0, clock => 0, app => 'live', %option,
    }, $class;
    return $self if $option{raw};
    $self->handshake;
    my $url = $self->{tc_url} // "rtmp://127.0.0.1:$port/$self->{app}";
    $self->call('connect', { app => $self->{app}, tcUrl => $url,
        flashVer => 'test', %{ $self->{connect} // {} } });
    $self->result or return $self;
    $self->call('createStream', undef);
    $self->result;
    return $self;
}

sub handshake {
    my ($self) = @_;
    my $random = join '', map { chr int rand 256 } 1 .. 1528;
    $self->write("\x03" . pack('NN', 0, 0) . $random);
    $self->fill(1 + 1536 * 2, 5) or die 'no handshake';
    my $answer = substr $self->{in}, 0, 1 + 1536 * 2, '';
    $self->write(substr $answer, 1, 1536);
    $self->send_message(2, 0, 1, pack 'N', CHUNK);
}

sub write {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $socket = $self->{socket};
    my $sent = 0;
    while ($sent < length $bytes) {
        my $n = syswrite $socket, $bytes, length($bytes) - $sent, $sent;
        return 0 unless defined $n;
        $sent += $n;
    }
    return 1;
}

# So many bytes are in the buffer, in time.
sub fill {
    my ($self, $want, $seconds) = @_;
    my $end = time + $seconds;
    while (length $self->{in} < $want) {
        my $left = $end - time;
        return 0 if $self->{eof} || $left <= 0;
        IO::Select->new($self->{socket})->can_read($left) or return 0;
        my $n = sysread $self->{socket}, $self->{in}, 65536,
            length $self->{in};
        $self->{eof} = 1 unless $n;
    }
    return 1;
}

# messages

sub send_message {
    my ($self, $csid, $msid, $type, $body) = @_;
    return $self->write(pack('C', $csid)
        . substr(pack('N', $self->{clock}), 1)
        . substr(pack('N', length $body), 1)
        . pack('CV', $type, $msid) . $body);
}

# [type, body] of the next message, or nothing
sub message {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // 5);
    while (1) {
        return shift @{ $self->{messages} } if @{ $self->{messages} };
        next if $self->parse;
        my $left = $end - time;
        return if $self->{eof} || $left <= 0;
        $self->fill(length($self->{in}) + 1, $left);
    }
}

# One chunk out of the buffer; true if there was one.
sub parse {
    my ($self) = @_;
    my $in = $self->{in};
    return 0 unless length $in;
    my $first = ord $in;
    my ($fmt, $csid) = ($first >> 6, $first & 0x3f);
    my $head = (11, 7, 3, 0)[$fmt];
    return 0 if length $in < 1 + $head;
    my $last = $self->{last}{$csid} //= { length => 0, type => 0 };
    my $ext = 0;
    if ($fmt < 3) {
        $last->{ext} = substr($in, 1, 3) eq "\xff\xff\xff";
        if ($fmt < 2) {
            $last->{length} = unpack 'N', "\0" . substr $in, 4, 3;
            $last->{type} = ord substr $in, 7, 1;
        }
        $ext = 4 if $last->{ext};
    }
    my $have = $self->{partial}{$csid} // '';
    my $take = $last->{length} - length $have;
    $take = $self->{chunk} if $take > $self->{chunk};
    return 0 if length $in < 1 + $head + $ext + $take;
    $have .= substr $in, 1 + $head + $ext, $take;
    substr $self->{in}, 0, 1 + $head + $ext + $take, '';
    if (length $have < $last->{length}) {
        $self->{partial}{$csid} = $have;
        return 1;
    }
    delete $self->{partial}{$csid};
    if ($last->{type} == 1) {
        $self->{chunk} = unpack 'N', $have;
    } else {
        push @{ $self->{messages} }, [ $last->{type}, $have ];
    }
    return 1;
}

# commands

sub call {
    my ($self, $name, @args) = @_;
    my $trans = ++$self->{trans};
    my $body = join '', map { amf($_) } \$name, $trans, @args;
    my $on_stream = $name =~ /^(?:publish|play|closeStream)$/;
    return $self->send_message($on_stream ? 8 : 3, $on_stream ? 1 : 0,
                               AMF_CMD, $body);
}

sub publish { $_[0]->call('publish', undef, \$_[1], \'live') }
sub play { $_[0]->call('play', undef, \$_[1], -2000) }

# The next command from the server of this name, as a list of its values.
sub command {
    my ($self, $name, $seconds) = @_;
    my $end = time + ($seconds // 5);
    while (my $message = $self->message($end - time)) {
        my ($type, $body) = @$message;
        next unless $type == AMF_CMD;
        my @values = amf_decode($body);
        return @values if $values[0] eq $name;
    }
    return;
}

sub result { $_[0]->command('_result', $_[1]) }

# {level, code, description} of the next onStatus, or an empty one.
sub status {
    my ($self, $seconds) = @_;
    my @values = $self->command('onStatus', $seconds);
    return $values[3] // {};
}

# (code, client); the code is '(no answer)' when there is none in time
sub try_publish {
    my ($ks, $key) = @_;
    my $client = __PACKAGE__->new($ks->rtmp_port);
    $client->publish($key);
    return ($client->status->{code} // '(no answer)', $client);
}

# H.264 header and frames of noise, 40 ms apart, and a silent audio beside.
sub media {
    my ($self, $frames) = @_;
    unless ($self->{headers}++) {
        $self->send_message(6, 1, VIDEO, pack 'H*', '1700000000'
            . '0142c00affe1000c6742c00ad90790de05a80808' . '01000468ce3c80');
    }
    for (1 .. $frames) {
        my $key = $self->{frames}++ % 25 == 0;
        my $nal = ($key ? "\x65" : "\x41")
            . join '', map { chr 1 + int rand 255 } 1 .. 400;
        $self->send_message(6, 1, VIDEO, ($key ? "\x17" : "\x27")
            . "\x01\0\0\0" . pack('N', length $nal) . $nal) or return 0;
        $self->{clock} += 40;
    }
    return 1;
}

# The server has closed in time; messages on the way are dropped.
sub closed {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // 5);
    1 while !$self->{eof} && $end > time && $self->message($end - time);
    return $self->{eof};
}

sub close { CORE::close $_[0]{socket} }

# AMF0: a reference to a string is one, so that numbers stay numbers
sub amf {
    my ($value) = @_;
    return "\x05" unless defined $value;
    return "\x02" . pack('n', length $$value) . $$value
        if ref $value eq 'SCALAR';
    return "\x03" . join('', map {
        pack('n', length) . $_ . amf(\$value->{$_})
    } sort keys %$value) . "\0\0\x09" if ref $value eq 'HASH';
    return "\0" . pack 'd>', $value;
}

sub amf_decode {
    my ($in) = @_;
    my @values;
    push @values, amf_value(\$in) while length $in;
    return @values;
}

sub amf_value {
    my ($in) = @_;
    my $type = ord substr $$in, 0, 1, '';
    return unpack 'd>', substr $$in, 0, 8, '' if $type == 0;
    return ord substr $$in, 0, 1, '' if $type == 1;
    return undef if $type == 5 || $type == 6;
    if ($type == 2) {
        my $length = unpack 'n', substr $$in, 0, 2, '';
        return substr $$in, 0, $length, '';
    }
    if ($type == 3 || $type == 8) {
        my %object;
        substr $$in, 0, 4, '' if $type == 8;
        while (length $$in) {
            my $length = unpack 'n', substr $$in, 0, 2, '';
            my $key = substr $$in, 0, $length, '';
            last if substr($$in, 0, 1) eq "\x09" && substr $$in, 0, 1, '';
            $object{$key} = amf_value($in);
        }
        return \%object;
    }
    die "AMF type $type";
}

# SIGSTOP, and it has stopped: it accepts nothing any more. kill CONT ends it.
sub stop_process {
    my ($pid) = @_;
    kill 'STOP', $pid;
    wait_for {
        open my $in, '<', "/proc/$pid/stat" or return 1;
        <$in> =~ /\) T /;
    } or die "process $pid does not stop";
}

# somebody with an access token: $owner->stream(title => 'Show'),
# $owner->post('/streams/ID/disable'), patch, delete, get likewise;
# $owner->status($stream, $ks): at that server, '' when it does not say

sub owner {
    my ($ks) = @_;
    state $number = 0;
    my $answer = $ks->post('/api/v1/auth/register', {
        email => 'owner' . ++$number . '@example.org',
        password => 'a long enough pass phrase' });
    die "register: $answer->{status} $answer->{body}"
        unless $answer->{status} == 201;
    return bless { ks => $ks, bearer => $answer->{json}{access_token} },
        'Keystone::Rtmp::Owner';
}

# rtmp_driver: what it printed, one hash a line; the last one is the summary

sub driver { driver_wait(driver_start(@_)) }

sub driver_start {
    my (@args) = @_;
    my $build = root() . '/build';
    system('make', '-s', '-C', root() . '/t/tools', "BUILD=$build") == 0
        or die 'rtmp_driver does not build';
    state $dir = scratch();
    state $number = 0;
    my $out = "$dir/" . $$ . '-' . ++$number;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', $out;
        exec "$build/tools/rtmp_driver", @args;
        exit 127;
    }
    return { pid => $pid, out => $out };
}

sub driver_lines {
    my ($run) = @_;
    open my $in, '<', $run->{out} or return;
    return map { JSON::PP::decode_json($_) } grep { /\n\z/ } <$in>;
}

sub driver_wait {
    my ($run) = @_;
    waitpid $run->{pid}, 0;
    return driver_lines($run);
}

# ffmpeg with these arguments: (exit status, what it said)

sub has_ffmpeg { state $has = !system 'ffmpeg -version > /dev/null 2>&1' }

sub ffmpeg {
    my (@args) = @_;
    my $pid = open(my $pipe, '-|') // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        exec 'timeout', 20, 'ffmpeg', '-nostdin', '-hide_banner', '-loglevel',
            'warning', @args;
        exit 127;
    }
    my $said = do { local $/; <$pipe> } // '';
    CORE::close $pipe;
    return ($? >> 8, $said);
}

package Keystone::Rtmp::Owner;

sub stream {
    my ($self, %field) = @_;
    return $self->post('/streams', { title => 'Test', %field })->{json};
}

sub status {
    my ($self, $stream, $ks) = @_;
    return $ks->get("/api/v1/streams/$stream->{id}/status",
        bearer => $self->{bearer})->{json}{status} // '';
}

sub ask {
    my ($self, $method, $path, $body) = @_;
    my $answer = $self->{ks}->request($method, "/api/v1$path",
        bearer => $self->{bearer}, defined $body ? (body => $body) : ());
    die "$method $path: $answer->{status} $answer->{body}"
        unless $answer->{status} =~ /^2/;
    return $answer;
}

sub get { my $self = shift; $self->ask('GET', @_) }
sub post { my $self = shift; $self->ask('POST', @_) }
sub patch { my $self = shift; $self->ask('PATCH', @_) }
sub delete { my $self = shift; $self->ask('DELETE', @_) }

1;
