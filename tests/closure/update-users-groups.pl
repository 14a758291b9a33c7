# SPDX-License-Identifier: Apache-2.0
#
# Writes passwd, group and shadow from users-groups.json: what NixOS's script of this name does where no user is mutable.
# perl-base has no JSON module; the file is machine-made, so a small reader does.
use strict;
use warnings;

my $text = do { local $/; open(my $in, '<', $ARGV[0]) or die "cannot open '$ARGV[0]': $!\n"; <$in> };

sub read_value {
    $text =~ /\G\s*/gc;
    if ($text =~ /\G"((?:[^"\\]|\\.)*)"/gc) { (my $s = $1) =~ s/\\(.)/$1/g; return $s; }
    if ($text =~ /\Gnull/gc) { return undef; }
    if ($text =~ /\G(true|false)/gc) { return $1 eq 'true'; }
    if ($text =~ /\G(-?\d+)/gc) { return $1; }
    my @items;
    if ($text =~ /\G[\[{]/gc) {
        my $object = substr($text, pos($text) - 1, 1) eq '{';
        until ($text =~ /\G\s*[\]}]/gc) {
            push @items, read_value();
            $text =~ /\G\s*[:,]/gc;
        }
        return $object ? {@items} : \@items;
    }
    die "cannot read '$ARGV[0]': unexpected text at byte " . pos($text) . "\n";
}

sub write_file {
    my ($path, $mode, $gid, @lines) = @_;
    open(my $out, '>', "$path.tmp") or die "cannot write '$path': $!\n";
    print $out map { "$_\n" } @lines;
    close($out);
    chown 0, $gid, "$path.tmp";
    chmod $mode, "$path.tmp";
    rename "$path.tmp", $path or die "cannot rename to '$path': $!\n";
}

my $spec = read_value();
my %gid = map { $_->{name} => $_->{gid} } @{ $spec->{groups} };
my @users = sort { $a->{uid} <=> $b->{uid} } @{ $spec->{users} };
mkdir '/etc';
write_file('/etc/group', 0644, 0,
    map { join(':', $_->{name}, 'x', $_->{gid}, join(',', sort @{ $_->{members} })) }
    sort { $a->{gid} <=> $b->{gid} } @{ $spec->{groups} });
write_file('/etc/passwd', 0644, 0,
    map { join(':', $_->{name}, 'x', $_->{uid}, $gid{ $_->{group} }, $_->{description}, $_->{home}, $_->{shell}) } @users);
write_file('/etc/shadow', 0640, $gid{shadow}, map { join(':', $_->{name}, $_->{hashedPassword} // '!', '1::::::') } @users);
foreach my $user (grep { $_->{createHome} } @users) {
    mkdir $user->{home};
    chown $user->{uid}, $gid{ $user->{group} }, $user->{home};
    chmod oct($user->{homeMode}), $user->{home};
}
