# Skerry in place of a kernel bridge, for scripts of the kernel's own forwarding selftests.

SITE=/tmp/switch
OPEN='ethertypes = ["any"]
guard = { mac = "off", max_macs = 1048576, ip = "off", dhcp = "off" }
storm = { broadcast = "off", multicast = "off", unknown = "off" }'

# The definitions of one of the kernel's scripts, without the lines that run it. They must be
# sourced outside of any function, for the sake of their `declare`.
kernel_script()
{
	sed '/^trap cleanup EXIT/,$d' "$1" > /tmp/kernel_script
}

# The site file from standard input, and a node n1 that runs it.
switch_site()
{
	mkdir -p $SITE
	{
		echo 'version = 1'
		printf '[defaults.host]\n%s\n' "$OPEN"
		printf '[defaults.promiscuous]\n%s\n' "$OPEN"
		cat
	} > $SITE/site.toml
	cat > $SITE/node.toml <<-END
		node = "n1"
		site = "$SITE/site.toml"
		key = "$SITE/n1.key"
		listen = "0.0.0.0:51820"
		control = "$SITE/n1.sock"
		state = "$SITE/state"
		workers = 1
		fdb = { age = "10s" }
	END
}

# A key for a node; prints the public half.
switch_key()
{
	mkdir -p $SITE
	[ -e $SITE/$1.key ] || skerry keygen --out $SITE/$1.key >/dev/null
	skerry pubkey < $SITE/$1.key
}

switch_start()
{
	skerry run --config $SITE/node.toml > $SITE/log 2>&1 &
	SWITCH=$!
	local i
	for ((i = 0; i < 300; ++i)); do
		skerry status --json --socket $SITE/n1.sock 2>/dev/null |
			jq -e '.ports == .ports_up' &>/dev/null && return 0
		sleep 0.1
	done
	echo "The switch does not start:"
	cat $SITE/log
	exit 1
}

switch_stop()
{
	kill $SWITCH
	wait $SWITCH
	check_err $? "The switch did not stop well"
	rm -rf $SITE/state
}
