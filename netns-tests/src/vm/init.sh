#!/bin/busybox sh
# The first and only program of the guest: loads modules, then runs what the host sends.
# One request: a line "<bytes> <seconds>", and a script of so many bytes.
# One answer:  a line "<exit code> <bytes>", and what the script printed.
/bin/busybox mkdir -p /proc /sys /dev /run /tmp
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/usr/bin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
bad=
while read -r module; do
    insmod "/modules/$module.ko" || bad="$bad $module"
done </modules/order
port=
tries=0
while [ -z "$port" ] && [ $tries -lt 100 ]; do
    for name in /sys/class/virtio-ports/*/name; do
        [ "$(cat "$name")" = skerry.ctl ] && port=$(basename "$(dirname "$name")")
    done
    [ -n "$port" ] || sleep 0.1
    tries=$((tries + 1))
done
exec 3<>"/dev/$port"
echo "HELLO $(uname -r) $(cut -d ' ' -f 1 /proc/uptime)$bad" >&3
while read -r bytes seconds <&3; do
    head -c "$bytes" <&3 >/tmp/script
    timeout -k 5 "$seconds" bash -e /tmp/script </dev/null >/tmp/answer 2>&1 3>&-
    code=$?
    echo "$code $(stat -c %s /tmp/answer)" >&3
    cat /tmp/answer >&3
done
poweroff -f
