# What ./run and ./test share: saying things, installing packages, building the program and the page.
#
# Sourced, not run, by bash with `set -u`, from the top of the checkout. The caller sets
#   root      the checkout, absolute
#   log_dir   where the output of long steps goes (made here when it is needed)
# A step that fails ends the program with one sentence and the path of its log. Every step first looks
# whether there is anything to do, so that the second ./run costs next to nothing.

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# step NAME WHAT COMMAND…: runs it with its output in log_dir/NAME.log. In the background, in a process group of its
# own, and waited for, so that a signal reaches this script at once and step_stop can end all of it.
# step_advice is said when it fails. step_whole=yes: must not be interrupted (half-installed packages).
step_pid=
step_advice=
step_whole=
step() {
    local name=$1 what=$2
    shift 2
    mkdir -p "$log_dir" || fail "can't make the folder $log_dir"
    say "$what …"
    set -m
    "$@" >"$log_dir/$name.log" 2>&1 </dev/null 9>&- &
    step_pid=$!
    set +m
    local code=0
    wait "$step_pid" || code=$?
    step_pid=
    [ "$code" -eq 0 ] && return 0
    tail -n 15 "$log_dir/$name.log" | sed 's/^/    /' >&2
    if grep -q 'No space left on device' "$log_dir/$name.log"; then
        fail "the disk is full: \"$what\" could not finish (all of its output: $log_dir/$name.log)"
    fi
    fail "\"$what\" failed${step_advice:+: $step_advice} (all of its output: $log_dir/$name.log)"
}

step_stop() {
    [ -n "$step_pid" ] || return 0
    if [ -n "$step_whole" ]; then
        say "this step must not be cut short: waiting for it …"
    else
        kill -TERM -- "-$step_pid" 2>/dev/null
    fi
    wait "$step_pid" 2>/dev/null
    step_pid=
}

# ---- The machine ----

check_distribution() {
    local id=unknown version='' name='this system'
    if [ -r /etc/os-release ]; then
        id=$(. /etc/os-release && printf %s "${ID:-}")
        version=$(. /etc/os-release && printf %s "${VERSION_ID:-}")
        name=$(. /etc/os-release && printf %s "${PRETTY_NAME:-$ID}")
    fi
    [ "$id/$version" = debian/12 ] ||
        fail "this needs Debian 12 and finds $name; docker/README.md has a way for any other Linux"
}

# check_disk DIR KIB WHAT: DIR may not be there yet.
check_disk() {
    local dir=$1 wanted=$2 what=$3 free
    while [ ! -d "$dir" ]; do
        dir=$(dirname "$dir")
    done
    free=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$wanted" ] ||
        fail "the disk that holds $dir is full: $what needs $((wanted / 1024)) MiB free, and there are $((free / 1024)) MiB"
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# One row a package: what shows that it is there ("-" = dpkg says so) and its name. Programs are looked for by
# name where other sources than Debian's own package are usual.
packages_build='
cc       gcc
-        libc6-dev
-        make
cmake    cmake
ninja    ninja-build
-        pkg-config
-        libevent-dev
-        libpq-dev
-        libproj-dev
-        proj-data
-        libgeos-dev
-        libsqlite3-dev
-        libssl-dev
-        libzstd-dev
-        zlib1g-dev
-        libcurl4-openssl-dev
-        ca-certificates
-        tzdata
-        procps
node     nodejs
npm      npm
'
packages_postgres='
-        postgresql-15
-        postgresql-15-postgis-3
'
packages_test='
-        libcmocka-dev
clang    clang
-        libclang-rt-14-dev
clang-format clang-format
chromium chromium
-        python3-pytest
-        python3-pytest-xdist
mosquitto mosquitto
mosquitto_pub mosquitto-clients
ip       iproute2
openssl  openssl
ogr2ogr  gdal-bin
cs2cs    proj-bin
-        python3-qgis
-        qgis-providers
-        python3-owslib
curl     curl
'

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 "$@"
}

apt_update() {
    apt_get -o APT::Update::Error-Mode=any update
}

# The package would make and start a cluster of its own on port 5432, which nobody asked for.
apt_install_postgres() {
    local conf=/etc/postgresql-common/createcluster.conf code=0
    apt_get install --no-install-recommends postgresql-common || return
    as_root cp -p "$conf" "$conf.wardwatch"
    as_root sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' "$conf"
    apt_get install --no-install-recommends "$@" || code=$?
    as_root mv "$conf.wardwatch" "$conf"
    return $code
}

apt_install() {
    local verb=(apt_get install --no-install-recommends)
    case " $* " in
    *" postgresql-15 "*) verb=(apt_install_postgres) ;;
    esac
    # The package lists may be too old to find the files: then they are fetched again.
    "${verb[@]}" "$@" || { apt_update && "${verb[@]}" "$@"; }
}

# install_packages LIST…: only what is missing.
install_packages() {
    local witness package missing=()
    while read -r witness package; do
        [ -n "$package" ] || continue
        if [ "$witness" = - ]; then
            is_installed "$package" || missing+=("$package")
        elif ! command -v "$witness" >/dev/null; then
            missing+=("$package")
        fi
    done <<<"$*"
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        local list="${missing[*]}"
        command -v sudo >/dev/null ||
            fail "no right to install: run this as root, or have these packages installed: $list"
        # Asks for the password where there is a terminal; an unattended run must not hang.
        if ! sudo -n true 2>/dev/null && ! { [ -t 0 ] && sudo -v; }; then
            fail "no right to install: sudo does not let $(id -un) install these packages: $list"
        fi
    fi
    check_disk /var/cache 1500000 "installing packages"
    step_advice='is there a network, and are the package sources of this machine right?'
    step_whole=yes
    if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
        step apt-update "fetching the lists of Debian packages" apt_update
    fi
    step apt-install "installing ${missing[*]}" apt_install "${missing[@]}"
    step_advice=
    step_whole=
    hash -r
}

# ---- The program and the page ----

# build_preset NAME [TARGET…]
build_preset() {
    local preset=$1
    shift
    # Ninja runs cmake again by itself when a CMakeLists.txt changed, but knows nothing of the presets.
    local stamp="$root/build/$preset/.preset" sum
    sum=$(cksum <"$root/CMakePresets.json")
    if [ ! -e "$root/build/$preset/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ]; then
        step "cmake-$preset" "configuring the $preset build" cmake -S "$root" --preset "$preset"
        printf '%s\n' "$sum" >"$stamp"
    fi
    step "build-$preset" "building ($preset)" cmake --build "$root/build/$preset" ${1:+--target "$@"}
}

check_node() {
    local major
    major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || fail "node does not run"
    [ "$major" -ge 18 ] || fail "the page is built with Node.js 18 or later, and this is $(node --version)"
}

# install_page_tools: npm ci, when the lock file changed.
install_page_tools() {
    local stamp="$root/server/web/node_modules/.wardwatch" sum
    sum=$(cksum <"$root/server/web/package-lock.json")
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return 0
    check_node
    step_advice='is there a network?'
    step npm "fetching what the page is built from" npm --prefix "$root/server/web" ci
    step_advice=
    printf '%s\n' "$sum" >"$stamp"
}

page_sum() {
    (cd "$root/server/web" && find . -name node_modules -prune -o -name dist -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 cksum | cksum)
}

build_page() {
    local stamp="$root/server/web/dist/.built" sum
    sum=$(page_sum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return 0
    install_page_tools
    step page "building the page" npm --prefix "$root/server/web" run build
    printf '%s\n' "$sum" >"$stamp"
}
