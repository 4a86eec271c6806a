package Keystone::Hosts;

# Two nginx hosts, each a Keystone::Server, at one PostgreSQL; with
# redis => 1 at one Redis, too.
#
#     my $pair = Keystone::Hosts->new(workers => 2, http => ..., server => ...);
#     my ($a, $b) = $pair->both;
#     $pair->kill($a);     # all its processes, SIGKILL
#
# Other options are those of Keystone::Server.

use v5.30;
use warnings;

use Keystone::Private;
use Keystone::Server;

sub new {
    my ($class, %option) = @_;
    my $self = bless {}, $class;
    $self->{store} = Keystone::Private->postgres;
    $self->{redis} = Keystone::Private->redis if delete $option{redis};
    my $redis = $self->{redis} ? 'redis ' . $self->{redis}->url . ';' : '';
    $self->{hosts} = [map {
        Keystone::Server->new(%option, store => $self->{store}->url,
                              redis => $redis)
    } 1 .. 2];
    $_->{secret} = $self->{hosts}[0]{secret} for @{ $self->{hosts} };
    return $self;
}

sub both { @{ $_[0]{hosts} } }
# The answer of one statement.
sub ask { $_[0]{store}->psql($_[1]) }

sub store { $_[0]{store} }
sub redis { $_[0]{redis} }

sub kill {
    my ($self, $ks) = @_;
    my $master = delete $ks->{pid};
    my @workers = do {
        local $ks->{pid} = $master;
        $ks->worker_pids;
    };
    CORE::kill 'KILL', $master, @workers;
    waitpid $master, 0;
    return;
}

1;
