# Becomes nginx in a mount namespace of its own, in which a node's folders stand
# where they belong. Arguments: the folder to become `/`, the node's root, the
# folder for logs, then nginx's own.
set -eu
new=$1
root=$2
logs=$3
shift 3

mount -t tmpfs -o mode=755 none "$new"
place() {
    mkdir -p "$2"
    mount --rbind "$1" "$2"
}

# nginx, its modules and libraries are this machine's.
for folder in bin sbin lib lib32 lib64; do
    if [ -L "/$folder" ]; then
        cp -P "/$folder" "$new/$folder"
    elif [ -d "/$folder" ]; then
        place "/$folder" "$new/$folder"
    fi
done
for folder in usr/bin usr/sbin usr/lib usr/lib32 usr/lib64 usr/share/nginx dev; do
    if [ -d "/$folder" ]; then
        place "/$folder" "$new/$folder"
    fi
done
mkdir -p "$new/run" "$new/tmp" "$new/etc" "$new/var/lib/nginx" "$new/var/cache/nginx"
cp /etc/passwd /etc/group "$new/etc/"
place "$logs" "$new/var/log/nginx"

# The rest is the node's; in `/var/lib` it has nginx's own folder for a neighbour.
for folder in "$root"/etc/* "$root"/usr/share/* "$root"/var/* "$root"/var/lib/*; do
    if [ -d "$folder" ] && [ "$folder" != "$root/var/lib" ]; then
        place "$folder" "$new/${folder#"$root"/}"
    fi
done
exec chroot "$new" /usr/sbin/nginx "$@"
