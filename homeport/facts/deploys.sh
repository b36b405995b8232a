# Prints when each application's deploy lock was given back last: the same words twice say that no deploy was at work in
# between. Prints nothing while one is at work, or was killed: then its lock is not empty.
deploys() {
    [ -z "$(find /run/homeport -maxdepth 1 -name '*.deploy.lock' -size +0 2>/dev/null)" ] || return 0
    find /run/homeport -maxdepth 1 -name '*.deploy.lock' -printf '%f=%T@ ' 2>/dev/null || :
}
