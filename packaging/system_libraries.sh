#!/bin/sh
# Install the system libraries that Qt's window and offscreen plugins miss, or say how to.
# As root on Debian or Ubuntu it installs them; otherwise it prints the one line that does.
set -eu
[ "$(uname -s)" = Linux ] || exit 0

qt=$(.venv/bin/python -c 'import importlib.util as u; print(u.find_spec("PySide6").submodule_search_locations[0])')/Qt
missing=$(ldd "$qt"/plugins/platforms/libqxcb.so "$qt"/plugins/platforms/libqoffscreen.so \
    "$qt"/plugins/xcbglintegrations/*.so "$qt"/lib/libQt6Gui.so.6 "$qt"/lib/libQt6Widgets.so.6 \
    "$qt"/lib/libQt6Svg.so.6 2>/dev/null | awk '/not found/ {print $1}' | sort -u)

packages=""
for library in $missing; do
    case $library in
        libQt6*) continue ;;
        libEGL.so.1) name=libegl1 ;;
        libGL.so.1) name=libgl1 ;;
        libGLX.so.0) name=libglx0 ;;
        libOpenGL.so.0) name=libopengl0 ;;
        libX11.so.6) name=libx11-6 ;;
        libX11-xcb.so.1) name=libx11-xcb1 ;;
        libSM.so.6) name=libsm6 ;;
        libICE.so.6) name=libice6 ;;
        libfontconfig.so.1) name=libfontconfig1 ;;
        libfreetype.so.6) name=libfreetype6 ;;
        libdbus-1.so.3) name=libdbus-1-3 ;;
        libglib-2.0.so.0 | libgthread-2.0.so.0) name=libglib2.0-0 ;;
        libxkbcommon.so.0) name=libxkbcommon0 ;;
        libxkbcommon-x11.so.0) name=libxkbcommon-x11-0 ;;
        libz.so.1) name=zlib1g ;;
        *) # Debian's habit: libxcb-cursor.so.0 is in libxcb-cursor0
            name=$(echo "$library" | sed -e 's/\.so\./ /' | awk '{print tolower($1) ($1 ~ /[0-9]$/ ? "-" : "") $2}') ;;
    esac
    case " $packages " in *" $name "*) ;; *) packages="$packages $name" ;; esac
done

# Without a font every letter is a box.
if [ -z "$(find /usr/share/fonts /usr/local/share/fonts "$HOME/.local/share/fonts" "$HOME/.fonts" \
    -name '*.[to]tf' 2>/dev/null | head -n 1)" ]; then
    packages="$packages fonts-dejavu-core"
fi

[ -n "$packages" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing what Qt needs from the system:$packages"
    apt-get update -q
    # shellcheck disable=SC2086 - a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages
else
    echo "The window needs some libraries of the system. Run this once:" >&2
    echo "    sudo apt-get install -y$packages" >&2
fi
