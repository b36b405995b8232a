# Holds an application's deploy lock as long as the controller's connection lives. Arguments: application, how long to
# wait for another run (seconds), who we are (JSON on one line), "despite-hold" or "". Standard input: a byte now and
# then; its end, or a minute without one, releases the lock. Says, tab-separated: waiting, held or hold (with the JSON of who
# it is), locked (with `deploys`). Exit status 4: somebody else has it.
set -eu
umask 077
lock=/run/homeport/$1.deploy.lock
hold=/etc/homeport/$1/hold.json
wait=$2
me=$3
despite=$4
# On a line of its own that begins with a mark (`homeport.pyinfra_support.answers`): login shells may have printed before.
tell() { printf '\nhomeport-answer:%s\t%s\n' "$1" "$2"; }
say() { tell "$1" "$(head -n 1 "$2")"; }
held() {
    say held "$lock"
    exit 4
}
take() {
    [ -d /run/homeport ] || install -d -m 755 /run/homeport
    # Open to root alone: flock needs no more than a readable file.
    exec 9<>"$lock"
    flock -n 9 && return
    [ "$wait" -gt 0 ] || held
    say waiting "$lock"
    flock -w "$wait" 9 || held
}
take
# A removal deletes the file together with its application: a run that waited for it would hold a lock that nobody looks at.
until [ "$lock" -ef /proc/self/fd/9 ]; do take; done
if [ -f "$hold" ] && [ -z "$despite" ]; then
    say hold "$hold"
    exit 4
fi
before=$(deploys)
printf '%s\n' "$me" >"$lock"
tell locked "$before"
# Without the lock's descriptor, so that nothing but this shell holds it.
while [ -n "$(timeout 60 head -c 1 9>&-)" ]; do :; done
# Not by its name: a removal has deleted the file, and nothing of the application may stay here.
: >/proc/self/fd/9
