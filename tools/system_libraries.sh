#!/bin/sh
# A Linux without a display needs Xvfb and the libraries under Qt and OpenGL, which pip cannot bring.
# Installs what is missing where apt-get may be used, else names it; never fails.

[ "$(uname -s)" = Linux ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || exit 0

programs="Xvfb=xvfb xauth=xauth"  # xvfb-run needs both
libraries="
libEGL.so.1=libegl1
libGL.so.1=libgl1
libdbus-1.so.3=libdbus-1-3
libfontconfig.so.1=libfontconfig1
libglib-2.0.so.0=libglib2.0-0
libxcb-cursor.so.0=libxcb-cursor0
libxcb-icccm.so.4=libxcb-icccm4
libxcb-image.so.0=libxcb-image0
libxcb-keysyms.so.1=libxcb-keysyms1
libxcb-randr.so.0=libxcb-randr0
libxcb-render-util.so.0=libxcb-render-util0
libxcb-shape.so.0=libxcb-shape0
libxcb-xinerama.so.0=libxcb-xinerama0
libxkbcommon-x11.so.0=libxkbcommon-x11-0
"

PATH="$PATH:/usr/sbin:/sbin"  # ldconfig, for those who are not root
missing=
for pair in $programs; do
    command -v "${pair%=*}" >/dev/null || missing="$missing ${pair#*=}"
done
known=$(ldconfig -p 2>/dev/null)
for pair in $libraries; do
    case $known in
        *"${pair%=*} ("*) ;;
        *) missing="$missing ${pair#*=}" ;;
    esac
done
[ -n "$missing" ] || exit 0

sudo=
[ "$(id -u)" -eq 0 ] || sudo="sudo -n"
if command -v apt-get >/dev/null && $sudo true 2>/dev/null; then
    echo "Installing system packages:$missing"
    apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=60"
    $apt update >/dev/null 2>&1
    # shellcheck disable=SC2086  # both are lists of words
    $apt install -y --no-install-recommends $missing >/dev/null 2>&1 && exit 0
fi
echo "No window can open here, for lack of:$missing" \
    "(Debian and Ubuntu: sudo apt-get install$missing)" >&2
