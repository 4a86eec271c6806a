package Keystone::Watch;

# A broadcast that goes on while a test breaks things, and somebody who watches:
#
#     my $watch = Keystone::Watch->start($ks, $stream);  # ffmpeg, an HLS player
#     ...
#     my $seen = $watch->stop;
#     is "@{ $seen->{errors} }", '';        # answers other than 200
#     cmp_ok $seen->{segments}, '>', 3;
#     ok $seen->{publishing};               # ffmpeg was there to the end
#
# The player asks for the playlist four times a second and for each new segment
# once, each time on a new connection, with the play token if one is given.

use v5.30;
use warnings;

use HTTP::Tiny;
use JSON::PP ();
use POSIX qw( WNOHANG );
use Time::HiRes ();

use Keystone::Env qw( scratch wait_for );

sub start {
    my ($class, $ks, $stream, %option) = @_;
    my $dir = scratch();
    my $self = bless { dir => $dir, owner => $$, ks => $ks,
                       id => $stream->{id} }, $class;
    $self->{ffmpeg} = _ffmpeg($ks->rtmp_url("/$stream->{stream_key}"),
                              "$dir/ffmpeg.log");
    my $path = $option{token} ? "/live/t/$option{token}/" : '/live/';
    my $url = $ks->url("$path$stream->{id}");
    wait_for { HTTP::Tiny->new->get("$url.m3u8")->{status} == 200 } 15
        or die "nothing to watch at $url.m3u8:\n" . _slurp("$dir/ffmpeg.log");
    $self->{player} = _player($url, $dir);
    $self->going_on(1) or die 'the player gets no segment';
    return $self;
}

sub _ffmpeg {
    my ($url, $log) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', $log;
    open STDERR, '>&', \*STDOUT;
    exec 'timeout', 170, 'ffmpeg', '-nostdin', '-hide_banner', '-loglevel',
        'warning', '-re', '-f', 'lavfi', '-i', 'testsrc=size=160x90:rate=10',
        '-f', 'lavfi', '-i', 'sine=frequency=440', '-c:v', 'libx264', '-preset',
        'ultrafast', '-tune', 'zerolatency', '-g', 10, '-c:a', 'aac', '-f',
        'flv', $url;
    exit 127;
}

sub _player {
    my ($url, $dir) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    my $go = 1;
    $SIG{TERM} = sub { $go = 0 };
    my (%had, @errors);
    my $http = HTTP::Tiny->new(timeout => 5, keep_alive => 0);
    my ($base) = $url =~ m{^(.*/)};
    while ($go) {
        my $list = $http->get("$url.m3u8");
        if ($list->{status} != 200) {
            push @errors, "playlist: $list->{status} $list->{content}";
        }
        for my $name ($list->{content} =~ /^([^#\s]+\.ts)/mg) {
            next if $had{$name};
            my $segment = $http->get("$base$name");
            # one that fell off the list between the two is nobody's fault
            next if $segment->{status} == 404 && keys %had == 0;
            $segment->{status} == 200 && length $segment->{content} > 1000
                ? $had{$name}++
                : push @errors, "$name: $segment->{status}";
        }
        open my $out, '>', "$dir/seen.new" or die $!;
        print $out JSON::PP::encode_json({ segments => scalar keys %had,
            errors => [@errors > 20 ? @errors[0 .. 19] : @errors] });
        close $out;
        rename "$dir/seen.new", "$dir/seen";
        Time::HiRes::sleep(0.25) if $go;
    }
    POSIX::_exit(0);
}

sub _slurp {
    my ($file) = @_;
    open my $in, '<', $file or return '';
    local $/;
    return <$in> // '';
}

sub seen {
    my ($self) = @_;
    my $text = _slurp("$self->{dir}/seen");
    return length $text ? JSON::PP::decode_json($text)
        : { segments => 0, errors => [] };
}

# True when so many more segments have come, and nothing failed meanwhile.
sub going_on {
    my ($self, $more) = @_;
    my $had = $self->seen->{segments};
    return wait_for { $self->seen->{segments} >= $had + ($more // 1) } 10;
}

sub publishing {
    my ($self) = @_;
    return waitpid($self->{ffmpeg}, WNOHANG) == 0;
}

sub stop {
    my ($self) = @_;
    my %result = (publishing => $self->publishing ? 1 : 0);
    for my $pid (delete @$self{qw( player ffmpeg )}) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
    return { %result, %{ $self->seen } };
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{ffmpeg};
    local ($?, $!);
    $self->stop;
}

1;
