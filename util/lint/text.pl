#!/usr/bin/perl
# What .editorconfig says, checked: text.pl FILE... Ends of lines, blanks at
# them, tabs in C, C++ and scripts, the newline at the end.

use v5.30;
use warnings;

my $bad = 0;

for my $file (@ARGV) {
    next if -l $file || !-f $file || -B $file || !-s $file;
    open my $in, '<:raw', $file or die "text: $file: $!\n";
    my $text = do { local $/; <$in> };
    my $complain = sub { say "$file:$_[0]: $_[1]"; $bad++ };
    my $n = 0;
    for my $line (split /\n/, $text) {
        $n++;
        $complain->($n, 'carriage return') if $line =~ /\r/;
        $complain->($n, 'blanks at the end of the line') if $line =~ /[ \t]$/;
        $complain->($n, 'tab')
            if $file =~ /\.(c|h|cc|pl|pm|t|sh|js|mjs|css|html|md|sql)$/
            && $line =~ /\t/;
    }
    $complain->($n, 'no newline at the end') if $text !~ /\n\z/;
    $complain->($n, 'empty lines at the end') if $text =~ /\n\n\z/;
}
exit($bad ? 1 : 0);
