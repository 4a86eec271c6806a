#!/usr/bin/perl
# The co_await rule: await.pl FILE...
#
# gcc 12 destroys some temporaries of an awaiting statement twice (aggregates,
# lambdas with captures, the arms of ?:). So co_await stands alone:
#
#     co_await call(arguments);
#     auto x = co_await call(arguments);      also x = ..., auto [a, b] = ...
#     co_return co_await call(arguments);
#     if (auto x = co_await call(arguments); ...)      also while
#
# with arguments that are named before it or trivially destructible, and
# without a lambda, a braced list, ?:, another operator or a second co_await
# in the statement. Types are not known here: that an argument is named is for
# the reviewer, the rest is checked.

use v5.30;
use warnings;

my $bad = 0;

# The text with comments, strings and characters blanked, lines kept.
sub code_of {
    my ($text) = @_;
    my $blank = sub { (my $t = shift) =~ s/[^\n]/ /g; $t };
    $text =~ s{
        ( //[^\n]* | /\*.*?\*/ )
      | R"(\w*)\((.*?)\)\2"
      | "(?:[^"\\\n]|\\.)*"
      | (?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'
    }{ defined $1 ? $blank->($1) : 's' . substr($blank->($&), 1) }gsxe;
    $text =~ s/^\s*#.*$//mg;
    return $text;
}

sub tokens_of {
    my ($text) = @_;
    my (@tokens, $line);
    $line = 1;
    while ($text =~ m{\G(?:(\n)|[^\S\n]+|(\w+|::|->|\+\+|--|&&|\|\||[=!<>+\-*/%|&^]=|<<|.))}gs) {
        if (defined $1) { $line++ }
        elsif (defined $2) { push @tokens, [ $2, $line ] }
    }
    return @tokens;
}

sub check {
    my ($file, $at, @tokens) = @_;
    my $complain = sub {
        say "$file:$tokens[$at][1]: co_await $_[0]";
        $bad++;
    };

    # Back to the start of the statement, or of a condition.
    my ($depth, $start) = (0, 0);
    my @before;
    for (my $i = $at - 1; $i >= 0; $i--) {
        my $t = $tokens[$i][0];
        if ($depth == 0 && $t =~ /^[;{}]$/) { last }
        $depth++ if $t =~ /^[)\]]$/;
        if ($t =~ /^[(\[]$/) {
            if ($depth == 0) {
                last if $t eq '(' && $i > 0
                    && $tokens[$i - 1][0] =~ /^(if|while|switch)$/;
                return $complain->('is inside another expression: name its '
                                   . 'result first');
            }
            $depth--;
        }
        unshift @before, $t;
    }
    # What a statement without a block stands behind.
    while (@before && $before[0] =~ /^(else|if|while|for|case|default)$/) {
        my $word = shift @before;
        if ($word =~ /^(if|while|for)$/ && @before && $before[0] eq '(') {
            my $open = 0;
            while (@before) {
                my $t = shift @before;
                $open += $t eq '(' ? 1 : $t eq ')' ? -1 : 0;
                last if $open == 0;
            }
        } elsif ($word =~ /^(case|default)$/) {
            shift @before while @before && $before[0] ne ':';
            shift @before;
        }
    }
    if (@before && "@before" ne 'co_return') {
        my $last = pop @before;
        return $complain->("behind '$last': only 'x = ' or co_return may "
                           . 'stand before it')
            if $last ne '=';
        return $complain->('behind ?: or && or ||')
            if grep { /^(\?|&&|\|\||=)$/ } @before
            and "@before" !~ /^(const )?auto (&& )?\w+$/;
    }

    # Forward to its end.
    $depth = 0;
    for (my $i = $at + 1; $i < @tokens; $i++) {
        my $t = $tokens[$i][0];
        my $prev = $tokens[$i - 1][0];
        last if $depth == 0 && $t =~ /^[;)]$/;
        return $complain->('with braces in its statement') if $t eq '{';
        return $complain->('with ?: in its statement') if $t eq '?';
        return $complain->('twice in one statement') if $t eq 'co_await';
        return $complain->('with a lambda in its statement')
            if $t eq '[' && $prev !~ /^(\w+|\)|\])$/;
        return $complain->("with operator $t in its statement")
            if $depth == 0 && $t =~ /^(==|!=|&&|\|\||\+|-|=|\||!|,)$/;
        $depth++ if $t =~ /^[(\[]$/;
        $depth-- if $t =~ /^[)\]]$/;
    }
}

for my $file (@ARGV) {
    open my $in, '<', $file or die "await: $file: $!\n";
    my $text = do { local $/; <$in> };
    my @tokens = tokens_of(code_of($text));
    for my $i (0 .. $#tokens) {
        next unless $tokens[$i][0] eq 'co_await';
        next if $i > 0 && $tokens[$i - 1][0] eq 'operator';
        check($file, $i, @tokens);
    }
}
exit($bad ? 1 : 0);
