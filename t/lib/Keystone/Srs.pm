package Keystone::Srs;

# The stand-in for SRS (t/tools/srs_standin.mjs) beside a Keystone::Server, and
# offers to send to it.
#
#     my $srs = Keystone::Srs->new(name => 'srs_a', media_after_ms => 'never');
#     my $ks = Keystone::Server->new(rtmp => 0,
#         keystone => 'hook_secret x;' . $srs->keystone, http => $srs->http,
#         server => $srs->server);
#     $srs->set_hooks($ks->port, 'x');
#     ...
#     $srs->control('POST', '/client', { type => 'rtmp-play', stream => $id });
#
# Options but name are those of the stand-in, with _ for -; what control()
# takes is in t/tools/srs/control.mjs. It ends with this process.

use v5.30;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use IO::Select;
use JSON::PP ();

use Keystone::Env qw( root wait_for );

our @EXPORT_OK = qw( capture_offer offer_file has_node );

my $json = JSON::PP->new->utf8->canonical;

sub has_node { return grep { -x "$_/node" } split /:/, $ENV{PATH} // '' }

sub new {
    my ($class, %option) = @_;
    my $name = delete $option{name} // 'srs_a';
    $option{server_id} //= $name;
    my @args = map { my $key = tr/_/-/r; "--$key=$option{$_}" } sort keys %option;
    pipe my $out, my $child_out or die $!;
    pipe my $child_in, my $in or die $!;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<&', $child_in or die $!;
        open STDOUT, '>&', $child_out or die $!;
        close $_ for $in, $out, $child_in, $child_out;
        exec 'node', root() . '/t/tools/srs_standin.mjs', '--watch-stdin',
            @args;
        exit 127;
    }
    close $_ for $child_in, $child_out;
    IO::Select->new($out)->can_read(20) or die 'the stand-in says nothing';
    my $line = <$out> // die 'the stand-in has ended';
    my $said = $json->decode($line);
    return bless {
        name => $name, pid => $pid, in => $in, out => $out, owner => $$,
        port => $said->{port}, control => $said->{control},
        http => $said->{http},
    }, $class;
}

sub name { $_[0]{name} }
sub port { $_[0]{port} }
sub http_port { $_[0]{http} }

# for nginx.conf, as in nginx.conf.example

sub keystone {
    my ($self) = @_;
    return "srs_node $self->{name} api=127.0.0.1:$self->{port};\n";
}

sub http {
    my ($self) = @_;
    return "upstream $self->{name} { server 127.0.0.1:$self->{port}; }\n"
        . "upstream $self->{name}_http { server 127.0.0.1:$self->{http}; }\n";
}

sub server {
    return <<'END';
        location /api/ { keystone_api; }
        location /rtc/v1/ {
            keystone_gate rtc;
            proxy_pass http://$keystone_node$keystone_upstream_uri;
            proxy_set_header Host 127.0.0.1;
            proxy_set_header Authorization "";
            proxy_set_header Cookie "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_connect_timeout 2s;
            proxy_read_timeout 5s;
        }
        location = /readyz { keystone_health; }
        location = /metrics { keystone_metrics; }
END
}

# Where its hooks go: nginx on this port, all events at one address.
sub set_hooks {
    my ($self, $port, $secret, %option) = @_;
    my $path = $option{path} // '/api/v1/hooks';
    my $node = $option{node} // $self->{name};
    return $self->control('POST', '/set-hooks', {
        url => "http://127.0.0.1:$port$path/{event}?k=$secret&node=$node" });
}

# What the control port says; dies when it does not like the question.
sub control {
    my ($self, $method, $path, $body) = @_;
    my $answer = ask($self->{control}, $method, $path, $body);
    die "stand-in: $method $path: $answer->{status} $answer->{content}"
        if $answer->{status} != 200;
    return $json->decode($answer->{content});
}

# As nobody but Keystone should: SRS's own port.
sub api {
    my ($self, $method, $path, $body) = @_;
    my $answer = ask($self->{port}, $method, $path, $body);
    return eval { $json->decode($answer->{content}) } // $answer;
}

sub ask {
    my ($port, $method, $path, $body) = @_;
    return HTTP::Tiny->new(timeout => 10, keep_alive => 0, max_redirect => 0)
        ->request($method, "http://127.0.0.1:$port$path",
                  defined $body ? { content => $json->encode($body) } : {});
}

sub requests { @{ $_[0]->control('GET', '/requests') } }
sub files { @{ $_[0]->control('GET', '/files') } }
sub forget { $_[0]->control('DELETE', '/requests') }
sub sessions { @{ $_[0]->control('GET', '/sessions') } }
sub hooks { @{ $_[0]->control('GET', '/hooks') } }
sub plan { my ($self, %plan) = @_; $self->control('POST', '/next', \%plan) }
sub client { my ($self, %c) = @_; $self->control('POST', '/client', \%c) }
sub drop { $_[0]->control('POST', '/drop', { client_id => $_[1] }) }

# WHIP and WHEP requests it got, without the health probes and lists.
sub offers { grep { $_->{target} =~ m{^/rtc/} } $_[0]->requests }

# Who is connected to this stream, or to any.
sub on {
    my ($self, $stream) = @_;
    return grep { !$stream || $_->{key} eq "/live/$stream" } $self->sessions;
}

sub gone {
    my ($self, $stream, $seconds) = @_;
    return wait_for { !$self->on($stream) } $seconds // 5;
}

# A header of a recorded request; all of them of that name, joined.
sub header {
    my ($request, $name) = @_;
    return join ', ', map { $_->[1] } grep { lc $_->[0] eq lc $name }
        @{ $request->{headers} };
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    close $self->{in};
    kill 'TERM', $pid;
    waitpid $pid, 0;
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ($?, $!);
    $self->stop;
}

# offers

sub read_file {
    my ($path) = @_;
    open my $in, '<:raw', root() . "/$path" or die "$path: $!";
    local $/;
    return <$in>;
}

# What was sent in a recorded exchange: capture_offer('whip/publish.201')
sub capture_offer {
    my ($name) = @_;
    my ($sdp) = read_file("t/captures/srs5/$name.http")
        =~ /^(v=0\r?\n.*?)\s*^\#\#\# /ms or die "no offer in $name";
    return join '', map { "$_\r\n" } split /\r?\n/, $sdp;
}

# As one of t/tools/offers would: offer_file('obs')
sub offer_file {
    my ($name) = @_;
    return join '', map { "$_\r\n" } split /\r?\n/,
        read_file("t/tools/offers/$name.sdp");
}

1;
