package Test::Keystone;

# Test::Nginx with Keystone in it. A test file:
#
#     use lib 't/lib';
#     use Test::Keystone 'no_plan';
#     run_tests();
#
#     __DATA__
#     === TEST 1: a stream is read with its owner's token
#     --- seed
#     ann  = user create --email ann@example.org
#     show = stream create --owner ann@example.org --title Show
#     --- config
#     location /api/ { keystone_api; }
#     --- request
#     GET /api/v1/streams/{{show.id}}
#     --- error_code: 401
#
# Each block gets, before nginx starts: the load_module lines, a keystone {}
# with a fresh database, a zone and a secret of this run; listens on free
# ports of 127.0.0.1 only; at the end no [alert], [emerg] or sanitizer line may
# be in error.log (state `--- no_error_log` yourself to say something else).
#
# Sections beyond those of Test::Nginx:
#   keystone          lines put into keystone {}; a directive named here (store,
#                     zone, jwt_secret) replaces the default one
#   no_keystone       no keystone {} at all
#   no_modules        no load_module lines either
#   rtmp              text of an rtmp {} server; it listens on
#                     $TEST_NGINX_RTMP_PORT. Skipped where nginx has no RTMP
#   store: NAME       blocks of a file naming the same store share it
#   seed              keystonectl commands, one a line, run on the store before
#                     nginx; `name = ` keeps the result: {{name.id}},
#                     {{name.stream_key}} ... in any later section, and {{name}}
#                     for the output of a command that prints no JSON
#   raw_log           do not look for alerts in this block
#
# Also in every section: {{port}}, {{rtmp_port}}, {{dir}} (a scratch directory
# of the file), {{store}} and {{jwt_secret}}. In configurations
# $TEST_NGINX_PORT and $TEST_NGINX_RTMP_PORT work as well.

use Keystone::Env ();

my ($port, $rtmp_port, $dir, $secret);

BEGIN {
    $dir = Keystone::Env::scratch();
    $secret = Keystone::Env::secret();
    $port = Keystone::Env::free_port();
    $rtmp_port = Keystone::Env::free_port();
    $ENV{TEST_NGINX_PORT} = $port;
    $ENV{TEST_NGINX_SERVER_PORT} = $port;
    $ENV{TEST_NGINX_STREAM_PORT} = $rtmp_port;
    $ENV{TEST_NGINX_RTMP_PORT} = $rtmp_port;
    $ENV{TEST_NGINX_SERVROOT} //= "$dir/servroot";
    $ENV{TEST_NGINX_BINARY} //= Keystone::Env::nginx_binary();
    $ENV{TEST_NGINX_LOG_LEVEL} //= 'info';
}

use Test::Nginx::Socket -Base;
use JSON::PP ();

server_port("127.0.0.1:$port");
server_port_for_client($port);
no_long_string();

my ($blocks, $shared) = (0, {});
my $sanitizer = $ENV{ASAN_OPTIONS};

sub fill ($$);

# {{name}} and {{name.field}} in every text of the block; unknown ones stay.
sub fill ($$) {
    my ($value, $known) = @_;
    if (ref $value eq 'ARRAY') {
        return [ map { fill($_, $known) } @$value ];
    }
    if (ref $value eq 'HASH') {
        return { map { $_ => fill($value->{$_}, $known) } keys %$value };
    }
    return $value if ref $value || !defined $value;
    $value =~ s{\{\{([\w.]+)\}\}}{ $known->{$1} // "{{$1}}" }ge;
    return $value;
}

sub run_seed ($$$) {
    my ($seed, $store, $known) = @_;
    Keystone::Env::ctl($store, 'migrate');
    for my $line (grep { /\S/ && !/^\s*#/ } split /\n/, $seed) {
        my ($name, $command) = $line =~ /^\s*(?:(\w+)\s*=\s*)?(.*?)\s*$/;
        my @args = split ' ', fill($command, $known);
        my $input = '';
        if (@args > 2 && $args[-2] eq '--password') {
            $input = pop(@args) . "\n";
            $args[-1] = '--password-stdin';
        }
        push @args, '--json' if defined $name && "@args" !~ /--json/;
        my $out = Keystone::Env::ctl($store, @args, \$input);
        next unless defined $name;
        chomp($known->{$name} = $out);
        my $data = eval { JSON::PP::decode_json($out) };
        next unless ref $data eq 'HASH';
        $known->{"$name.$_"} = $data->{$_} for keys %$data;
    }
}

sub keystone_block ($$$) {
    my ($own, $store, $zone) = @_;
    my %default = (
        store => "store $store;",
        redis => Keystone::Env::redis_line($store),
        zone => "zone $zone:8m;",
        jwt_secret => "jwt_secret $secret;",
    );
    for my $name (keys %default) {
        delete $default{$name} if $own =~ /^\s*$name\s/m;
    }
    return join "\n", 'keystone {', (map { "    $default{$_}" } sort keys
        %default), $own, "}\n";
}

add_block_preprocessor {
    my ($block) = @_;

    $blocks++;
    my $name = $block->store;
    $name = "block$blocks" unless defined $name && length $name;
    my $store = Keystone::Env::store_url("$dir/$name.db");
    my $known = $shared->{$name} //= {};
    @$known{qw( port rtmp_port dir store jwt_secret )} =
        ($port, $rtmp_port, $dir, $store, $secret);

    if (defined $block->rtmp && !Keystone::Env::rtmp_module()) {
        $block->set_value('skip_eval', '1: "this nginx has no RTMP"');
        return;
    }

    # An nginx that refuses its configuration does not free what it had read.
    if (defined $sanitizer) {
        $ENV{ORI_ASAN_OPTIONS} = defined $block->must_die
            ? "detect_leaks=0:$sanitizer" : $sanitizer;
    }

    run_seed($block->seed, $store, $known) if defined $block->seed;

    my $main = $block->main_config // '';
    if (defined $block->rtmp) {
        $main .= "rtmp { access_log off; server { listen 127.0.0.1:$rtmp_port;\n"
            . $block->rtmp . "\n} }\n";
    }
    if (!defined $block->no_keystone) {
        $main = keystone_block($block->keystone // '', $store, "ks$blocks")
            . $main;
    }
    $main = Keystone::Env::load_modules() . $main
        unless defined $block->no_modules;
    $block->set_value('main_config', $main);

    if (!defined $block->no_error_log && !defined $block->raw_log
        && !defined $block->must_die)
    {
        $block->set_value('no_error_log',
                          [ '[alert]', '[emerg]', 'Sanitizer' ]);
    }

    for my $section (qw( main_config http_config config post_main_config
        server_config request raw_request pipelined_requests more_headers
        response_body response_body_like response_headers
        response_headers_like raw_response_headers_like error_log
        no_error_log grep_error_log_out user_files curl_options ))
    {
        next unless defined $block->$section;
        $block->set_value($section, fill($block->$section, $known));
    }
};

1;
