#!/usr/bin/env perl
# Replaces a text that occurs exactly once in a file. Reads and writes bytes, needs nothing but perl-base.
# Interface and exit codes: edit_via_str_replace of mini-swe-agent-plus.
use strict;
use warnings;
use File::Basename qw(dirname basename);

my $usage = "usage: edit_via_str_replace FILE [--context-lines N] [--backup-suffix S] [--dry-run] -- OLD NEW\n";
my ($file, $context, $suffix, $dry) = (undef, 3, "", 0);

sub fail { my ($code, $text) = @_; print STDERR "$text\n"; exit $code; }

while (@ARGV) {
    my $word = shift @ARGV;
    if ($word eq "--") { last }
    elsif ($word eq "-h" || $word eq "--help") { print $usage; exit 0 }
    elsif ($word eq "--dry-run") { $dry = 1 }
    elsif ($word eq "--context-lines") { $context = shift @ARGV; fail(1, $usage) unless defined $context && $context =~ /^\d+$/ }
    elsif ($word eq "--backup-suffix") { $suffix = shift @ARGV; fail(1, $usage) unless defined $suffix }
    elsif (!defined $file && $word !~ /^--/) { $file = $word }
    else { fail(1, "Unknown argument: $word\n$usage") }
}
fail(1, $usage) unless defined $file && @ARGV == 2;
my ($old, $new) = @ARGV;
fail(1, "OLD is empty: give the text to replace.") if $old eq "";
fail(1, "No such file: $file") unless -e $file;
fail(1, "Not a file: $file") unless -f $file;
open(my $in, "<:raw", $file) or fail(1, "$file can't be read: $!");
my $text = do { local $/; <$in> };
$text = "" unless defined $text;
close $in;

my @found;
for (my $at = index($text, $old); $at >= 0; $at = index($text, $old, $at + 1)) {
    push @found, 1 + (substr($text, 0, $at) =~ tr/\n//);
    last if @found >= 100;
}
fail(2, "No replacement was performed, old_str did not appear verbatim in $file.") unless @found;
fail(3, "No replacement was performed. Multiple occurrences of old_str in $file, starting in lines ["
    . join(", ", @found) . "]. Please ensure it is unique.") if @found > 1;

my $at = index($text, $old);
substr($text, $at, length $old) = $new;
unless ($dry) {
    # Written beside it and renamed, so that the file is never half written; through a link, the file it names.
    my $target = $file;
    for (1 .. 40) {
        last unless -l $target;
        my $next = readlink $target;
        $target = $next =~ m{^/} ? $next : dirname($target) . "/$next";
    }
    my $mode = (stat $target)[2] & 07777;
    if ($suffix ne "") {
        open(my $kept, ">:raw", "$target$suffix") or fail(1, "$target$suffix can't be written: $!");
        substr(my $before = $text, $at, length $new) = $old;
        print $kept $before;
        close $kept or fail(1, "$target$suffix can't be written: $!");
    }
    my $temporary = dirname($target) . "/." . basename($target) . ".$$";
    open(my $out, ">:raw", $temporary) or fail(1, "$file can't be written: $!");
    unless ((print $out $text) && close $out && chmod($mode, $temporary) && rename($temporary, $target)) {
        my $why = $!;
        unlink $temporary;
        fail(1, "$file can't be written: $why");
    }
}

my @lines = split /\n/, $text, -1;
my $first = $found[0];
my $last = $first + ($new =~ tr/\n//);
my $from = $first - $context < 1 ? 1 : $first - $context;
my $to = $last + $context > @lines ? scalar @lines : $last + $context;
print $dry ? "$file would be edited. It would read:\n" : "$file was edited. It now reads:\n";
printf "%6d\t%s\n", $_, $lines[$_ - 1] for $from .. $to;
print "Review the changes and edit the file again if necessary.\n";
