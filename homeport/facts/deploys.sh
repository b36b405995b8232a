# Prints when each application's deploy lock was released last: the same output twice means that no deploy ran in between.
# Prints nothing while a deploy runs, or after one was killed: then its lock is not empty.
deploys() {
    [ -z "$(find /run/homeport -maxdepth 1 -name '*.deploy.lock' -size +0 2>/dev/null)" ] || return 0
    find /run/homeport -maxdepth 1 -name '*.deploy.lock' -printf '%f=%T@ ' 2>/dev/null || :
}
