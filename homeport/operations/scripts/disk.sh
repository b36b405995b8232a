# This part is put before every script. sudo may be configured with a PATH that lacks folders of programs.
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
# A full disk is distinguished from other failures by the output of the tool that failed.
# Usage: disk_full OUTPUT DIRECTORY…; prints which file system is full and returns 0, or returns 1.
disk_full() {
    case $1 in
    # GNU tar says the second one when there was room for part of a block.
    *"No space left on device"* | *"tar: "*": Wrote only "* | *"os error 28"* | *"Errno 28"* | *"Disk quota exceeded"*) ;;
    *) return 1 ;;
    esac
    shift
    worst=
    for place in "$@"; do
        [ -d "$place" ] || continue
        free=$(df -Pk "$place" | awk 'NR == 2 { print $4 }')
        inodes=$(df -Pi "$place" | awk 'NR == 2 { print $2 + 0 ? $4 : "unlimited" }')
        rank=$free
        [ "$inodes" = unlimited ] || [ "$inodes" -ge 64 ] || rank=0
        [ -z "$worst" ] || [ "$rank" -lt "$worst" ] || continue
        worst=$rank
        full="the disk is full: no space is left on the file system $(df -Pk "$place" | awk 'NR == 2 { print $6 }')"
        full="$full ($((free / 1024)) MB and $inodes inodes are free); free some and deploy again"
    done
    printf '%s\n' "${full:-the disk is full; free some space and deploy again}"
}
