# Which Debian packages an installation lacks, according to the output of the command that failed. Usage: missing_packages
# OUTPUT; prints the setting to add, or returns 1. A package with wheels for this machine needs none of them.
missing_packages() {
    compiler='"build-essential", "python3-dev"'
    case $1 in
    *"pg_config executable not found"* | *"libpq-fe.h"*) packages="$compiler, \"libpq-dev\"" ;;
    *"mysql_config"*"not found"* | *"MYSQLCLIENT_CFLAGS"* | *"mysql.h: No such"*)
        packages="$compiler, \"pkg-config\", \"default-libmysqlclient-dev\"" ;;
    *"libxml/xmlversion.h"* | *"libxslt development packages"*) packages="$compiler, \"libxml2-dev\", \"libxslt1-dev\"" ;;
    *"ffi.h: No such"*) packages="$compiler, \"libffi-dev\"" ;;
    *"openssl/"*".h: No such"*) packages="$compiler, \"libssl-dev\"" ;;
    *"jpeglib.h"* | *"headers or library files could not be found for jpeg"*) packages="$compiler, \"libjpeg-dev\", \"zlib1g-dev\"" ;;
    *"sql.h: No such"*) packages="$compiler, \"unixodbc-dev\"" ;;
    *"Rust compiler"* | *"is not installed or is not on PATH"*"Cargo"* | *"Cargo, the Rust package manager"*)
        packages="$compiler, \"cargo\"" ;;
    *"Python.h: No such"* | *"'gcc' failed"* | *"gcc: not found"* | *"-gcc' failed"* | *"-gcc\" failed"* | *"'cc' failed"* | \
        *"'g++' failed"* | *"-g++' failed"* | *"execute 'gcc'"* | *"execute 'cc'"* | *"No such file or directory: '"*"gcc'"* | \
        *"No such file or directory: 'cc'"* | *"Unknown compiler(s)"* | *"cc: not found"*) packages=$compiler ;;
    *"CMake must be installed"* | *"No CMAKE_C_COMPILER"* | *"No such file or directory: 'cmake'"*)
        packages="$compiler, \"cmake\"" ;;
    *"Git executable not found"* | *"git: not found"* | *"No such file or directory: 'git'"*) packages='"git"' ;;
    *) return 1 ;;
    esac
    printf 'set packages = [%s]\n' "$packages"
}
