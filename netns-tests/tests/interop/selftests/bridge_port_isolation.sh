# bridge_port_isolation.sh of the kernel with Skerry as its bridge: isolated ports are isolated,
# and the port that is not isolated is promiscuous.
set +e
cd /selftests
source common.sh
kernel_script bridge_port_isolation.sh
source /tmp/kernel_script p1 p2 p3 p4 p5 p6

switch_create()
{
	switch_site <<-END
		[node]
		n1 = { key = "$(switch_key n1)", overlay = "100.64.0.1" }
		[pvlan.blue]
		primary = 20100
		isolated = 20101
		hairpin = "permit"
		[port.n1]
		swp1 = { as = "blue.isolated", attach = { nic = "$swp1" } }
		swp2 = { as = "blue.isolated", attach = { nic = "$swp2" } }
		swp3 = { as = "blue.promiscuous", attach = { nic = "$swp3" } }
	END
	switch_start
}

switch_destroy()
{
	switch_stop
	ip link set dev $swp3 down
	ip link set dev $swp2 down
	ip link set dev $swp1 down
}

trap cleanup EXIT
setup_prepare
setup_wait
tests_run
exit $EXIT_STATUS
