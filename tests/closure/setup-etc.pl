# SPDX-License-Identifier: Apache-2.0
#
# Sets up /etc from an `etc` store path: what NixOS's script of this name does in an /etc that is empty or its own.
use strict;
use warnings;

my $etc = $ARGV[0] or die "usage: setup-etc.pl ETC\n";

sub replace_link {
    my ($target, $name) = @_;
    unlink "$name.tmp";
    symlink $target, "$name.tmp" or die "cannot link '$name': $!\n";
    rename "$name.tmp", $name or warn "cannot rename to '$name': $!\n";
}

sub read_line {
    open(my $in, '<', $_[0]) or die "cannot open '$_[0]': $!\n";
    chomp(my $line = <$in> // '');
    return $line;
}

sub id_of {
    my ($name, $look_up) = @_;
    return $name =~ /^\+(\d+)$/ ? $1 : ($look_up->($name) // die "cannot find '$name'\n");
}

sub place {
    my ($name) = @_;
    my ($source, $target) = ("$etc/$name", "/etc/$name");
    if (-e "$source.mode" || -l "$source.mode") {
        my $mode = read_line("$source.mode");
        if ($mode eq 'direct-symlink') { return replace_link(readlink($source), $target); }
        if ($mode ne 'symlink') {
            local $/;
            open(my $in, '<', $source) or die "cannot open '$source': $!\n";
            open(my $out, '>', "$target.tmp") or die "cannot write '$target': $!\n";
            print {$out} scalar <$in>;
            close($out);
            $/ = "\n";
            my $uid = id_of(read_line("$source.uid"), sub { getpwnam $_[0] });
            my $gid = id_of(read_line("$source.gid"), sub { getgrnam $_[0] });
            chown $uid, $gid, "$target.tmp";
            chmod oct($mode), "$target.tmp";
            return rename("$target.tmp", $target) || warn "cannot rename to '$target': $!\n";
        }
    }
    replace_link("/etc/static/$name", $target);
}

sub walk {
    my ($folder) = @_;
    opendir(my $handle, "$etc/$folder") or die "cannot open '$etc/$folder': $!\n";
    foreach my $entry (sort grep { !/^\.\.?$/ } readdir $handle) {
        my $name = $folder eq '' ? $entry : "$folder/$entry";
        if (-l "$etc/$name") { place($name); }
        elsif (-d "$etc/$name") { mkdir "/etc/$name"; walk($name); }
    }
}

mkdir '/etc';
replace_link($etc, '/etc/static');
walk('');
