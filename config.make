# Sourced while nginx's Makefile is written: the rule for the C++ core.  It is
# entered at every make and does nothing when nothing changed; the modules are
# linked anew when the archive is newer (LINK_DEPS).

LINK_DEPS="$LINK_DEPS $ks_lib $ks_dir/libkeystone/keystone.map"

cat << END                                                    >> $NGX_MAKEFILE

$ks_lib:	keystone-core
	@\$(MAKE) --no-print-directory -C $ks_dir/libkeystone \\
		BUILD=$ks_build SANITIZE=$KEYSTONE_SANITIZE lib

.PHONY:	keystone-core
keystone-core:

END
