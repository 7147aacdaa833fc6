# Martlet's build. `make help` lists the targets.
#
# Swift modules are compiled by SwiftPM (Package.swift); SwiftPM cannot link for a freestanding triple, so this
# file links: the kernel with kernel/kernel.ld, programs with musl's static libc.a.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
# Where Debian keeps mke2fs and debugfs, which ordinary users do not have in their path.
export PATH := $(PATH):/usr/sbin:/sbin

BUILD := build
TRIPLE := x86_64-unknown-none-elf
SWIFT_EMBEDDED := $(dir $(realpath $(shell command -v swift)))../lib/swift/embedded/$(TRIPLE)
MUSL := /usr/lib/x86_64-linux-musl
LD := ld.lld
PACKAGE_FILES := Package.swift

.PHONY: all help
all: image

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'variables:'
	@awk -F ' \\?=.*## ' '/^[A-Z_]+ \?=.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A result that stands for many files is as old as the beginning of its build: what is changed meanwhile is built next time.
begin = @mkdir -p $(@D) && touch $@.begun
end = @touch -r $@.begun $@ && rm $@.begun

# --- set-up ---------------------------------------------------------------------------------------

# The one list of what a build machine needs beside the Swift toolchain (Debian package names).
PACKAGES := qemu-system-x86 ovmf nasm libfreetype-dev grub-pc-bin grub-efi-amd64-bin grub-common xorriso mtools \
	e2fsprogs musl-dev libwayland-dev wayland-protocols wlcs weston foot wev wl-clipboard wayland-utils libxkbcommon-tools libxkbcommon-dev xkb-data busybox-static \
	fonts-inter fonts-jetbrains-mono fonts-dejavu-core zlib1g-dev pkg-config gcc make git

SETUP := $(BUILD)/setup.stamp

.PHONY: setup
setup: $(SETUP) ## install the missing packages

$(SETUP): Makefile
	@mkdir -p $(@D)
	@swift --version 2>/dev/null | grep -qE 'Swift version (6\.([3-9]|[1-9][0-9])|[7-9])' || \
	  { echo "Martlet needs the Swift toolchain 6.3 or newer in PATH: https://www.swift.org/install/"; exit 1; }
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  echo "installing:" $$missing; \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@touch $@

# --- kernel ---------------------------------------------------------------------------------------

KERNEL_SOURCES := $(shell find kernel gfx/Formats -name '*.swift') kernel/kernel.toolset.json
KERNEL_ASM := $(shell find kernel -name '*.asm')
KERNEL_OBJECTS := $(patsubst kernel/%.asm,$(BUILD)/kernel/%.o,$(KERNEL_ASM))
KERNEL_ARCHIVE := .build-kernel/$(TRIPLE)/release/libMartletKernel.a
# The kernel that checks the order of its locks; see docs/locks.md.
DEBUG_ARCHIVE := .build-kernel-debug/$(TRIPLE)/release/libMartletKernel.a

.PHONY: kernel
kernel: $(BUILD)/kernel.elf ## compile and link the kernel

$(BUILD)/kernel/%.o: kernel/%.asm | $(SETUP)
	@mkdir -p $(@D)
	nasm -f elf64 -w+all -o $@ $<

# The shared object that the kernel maps into programs: one read-only segment, which the kernel includes as it is.
$(BUILD)/kernel/vdso.so: kernel/Processor/vdso/vdso.nasm kernel/Processor/vdso/vdso.map | $(SETUP)
	@mkdir -p $(@D)
	nasm -f elf64 -w+all -o $(@:.so=.o) $<
	$(LD) -shared -nostdlib --no-rosegment -z rodynamic -z noseparate-code -z norelro -z noexecstack -z max-page-size=4096 \
	  --hash-style=both --soname linux-vdso.so.1 --version-script kernel/Processor/vdso/vdso.map --strip-all -o $@ $(@:.so=.o)

$(BUILD)/kernel/Processor/asm/vdso.o: $(BUILD)/kernel/vdso.so

$(KERNEL_ARCHIVE): $(KERNEL_SOURCES) $(PACKAGE_FILES) | $(SETUP)
	$(begin)
	@# The archiver would keep the objects of sources that are gone.
	@rm -f $(KERNEL_ARCHIVE)
	swift build --triple $(TRIPLE) --toolset kernel/kernel.toolset.json --scratch-path .build-kernel -c release --product MartletKernel
	$(end)

$(DEBUG_ARCHIVE): $(KERNEL_SOURCES) $(PACKAGE_FILES) | $(SETUP)
	$(begin)
	@rm -f $(DEBUG_ARCHIVE)
	swift build --triple $(TRIPLE) --toolset kernel/kernel.toolset.json --scratch-path .build-kernel-debug -c release -Xswiftc -DLOCKDEP -Xswiftc -DHEAPCHECK --product MartletKernel
	$(end)

.PHONY: kernel-debug
kernel-debug: $(BUILD)/kernel-lockdep.elf ## compile and link the kernel that checks its locks and its heap

# Linked three times: the symbol table for backtraces is made from the first result, the list of the addresses that move with the image
# from the second. Each comes behind everything that it describes, so that it moves nothing of that.
$(BUILD)/kernel.elf: $(KERNEL_ARCHIVE) $(KERNEL_OBJECTS) kernel/kernel.ld kernel/symbols.awk kernel/relocations.awk
	$(call make-kernel,$(KERNEL_ARCHIVE),$(BUILD)/kernel,$(BUILD)/kernel.debug)

$(BUILD)/kernel-lockdep.elf: $(DEBUG_ARCHIVE) $(KERNEL_OBJECTS) kernel/kernel.ld kernel/symbols.awk kernel/relocations.awk
	$(call make-kernel,$(DEBUG_ARCHIVE),$(BUILD)/kernel-lockdep,$(BUILD)/kernel-lockdep.debug)

# Arguments: the archive, a folder for what comes between, the result with symbols.
define make-kernel
	@mkdir -p $(2)
	@printf 'section .martlet_symbols progbits alloc noexec nowrite align=8\nglobal martlet_symbols\nmartlet_symbols: dd 0\n' > $(2)/symbols0.asm
	@nasm -f elf64 -o $(2)/symbols0.o $(2)/symbols0.asm
	@awk -f kernel/relocations.awk /dev/null > $(2)/relocations0.asm
	@nasm -f elf64 -o $(2)/relocations0.o $(2)/relocations0.asm
	$(call link-kernel,$(1),$(2)/symbols0.o $(2)/relocations0.o,$(2)/first.elf)
	@llvm-nm -n $(2)/first.elf | sed 's/ \$$e/ $$s/' | swift demangle --simplified | awk -f kernel/symbols.awk > $(2)/symbols.asm
	@nasm -f elf64 -o $(2)/symbols.o $(2)/symbols.asm
	$(call link-kernel,$(1),$(2)/symbols.o $(2)/relocations0.o,$(2)/second.elf,--emit-relocs)
	@llvm-readelf -rW $(2)/second.elf | LC_ALL=C grep '^00007f8' | LC_ALL=C sort | awk -f kernel/relocations.awk > $(2)/relocations.asm
	@nasm -f elf64 -o $(2)/relocations.o $(2)/relocations.asm
	$(call link-kernel,$(1),$(2)/symbols.o $(2)/relocations.o,$(3))
	@llvm-objcopy --strip-all $(3) $@
endef

define link-kernel
	$(LD) -static -nostdlib -z max-page-size=4096 -z noexecstack --gc-sections $(4) -T kernel/kernel.ld -o $(3) \
	  $(KERNEL_OBJECTS) $(2) --start-group $(1) $(SWIFT_EMBEDDED)/libswiftUnicodeDataTables.a --end-group
endef

# --- programs -------------------------------------------------------------------------------------

# Executable in the image = SwiftPM product. `Terminal` becomes build/programs/terminal.
PROGRAMS := Init Compositor Terminal
PROGRAM_SOURCES := $(shell find apps gfx fonts compositor kernel/ABI -name '*.swift' -o -name '*.h' -o -name '*.c') apps/programs.toolset.json
PROGRAM_ARCHIVES := .build-programs/$(TRIPLE)/release

.PHONY: programs
programs: $(BUILD)/programs.stamp ## compile and link the native programs

$(BUILD)/programs.stamp: $(PROGRAM_SOURCES) $(PACKAGE_FILES) | $(SETUP)
	$(begin)
	@mkdir -p $(BUILD)/programs
	@for p in $(PROGRAMS); do \
	  swift build --triple $(TRIPLE) --toolset apps/programs.toolset.json --scratch-path .build-programs -c release --product $${p}Program; \
	  out=$(BUILD)/programs/$$(echo $$p | tr A-Z a-z); \
	  $(LD) -static --gc-sections -o $$out.debug $(MUSL)/crt1.o $(MUSL)/crti.o \
	    --start-group $(PROGRAM_ARCHIVES)/lib$${p}Program.a $(MUSL)/libc.a $(SWIFT_EMBEDDED)/libswiftUnicodeDataTables.a --end-group $(MUSL)/crtn.o; \
	  llvm-objcopy --strip-all $$out.debug $$out; \
	done
	$(end)

# --- fonts and art --------------------------------------------------------------------------------

# Everything that is drawn at build time ends in build/share, which is installed as /usr/share/martlet.
SHARE := $(BUILD)/share
INTER_FONTS := /usr/share/fonts/opentype/inter
MONO_FONTS := /usr/share/fonts/truetype/jetbrains-mono
FALLBACK_FONTS := /usr/share/fonts/truetype/dejavu
# Output scales that glyphs are baked for: `make FONT_SCALES=1,2` adds those of dense screens.
FONT_SCALES ?= 1 ## output scales to bake glyphs for: "1,2" adds dense screens
FONTS := $(BUILD)/fonts.stamp

.PHONY: fonts
fonts: $(FONTS) ## bake the glyph atlases

$(FONTS): $(shell find fonts -type f) | $(SETUP)
	$(begin)
	@mkdir -p $(SHARE)/fonts
	@swift build -c release --product fontbake
	@.build/release/fontbake --inter $(INTER_FONTS) --mono $(MONO_FONTS) --fallback $(FALLBACK_FONTS) \
	  --output $(SHARE)/fonts --scales $(strip $(FONT_SCALES))
	$(end)

ART := $(SHARE)/art.pack

.PHONY: art
art: $(ART) ## draw the mark, cursors, icons, shadows and wallpapers

$(ART): $(shell find gfx/Bake gfx/BakeTool gfx/Paths gfx/ArtPack gfx/Wallpaper gfx/Pixels -type f) | $(SETUP)
	$(begin)
	@swift build -c release --product artbake
	@.build/release/artbake $@
	$(end)

# --- keymaps --------------------------------------------------------------------------------------

# Keyboard layouts of the image: the compositor's option --keymap chooses one of them.
LAYOUTS := us gb de fr es
KEYMAPS := $(BUILD)/keymaps.stamp

.PHONY: keymaps
keymaps: $(KEYMAPS) ## bake the keyboard layouts

$(KEYMAPS): $(wildcard compositor/Keymap/*.swift compositor/KeymapBaker/*.swift) | $(SETUP)
	$(begin)
	@mkdir -p $(SHARE)/keymaps
	@swift build -c release --product KeymapBaker
	@for layout in $(LAYOUTS); do .build/release/KeymapBaker $$layout $(SHARE)/keymaps/$$layout.keymap; done
	$(end)

# --- root file system -----------------------------------------------------------------------------

# `make image EXTRA_ROOT=dir` copies a folder's contents into the root as well.
EXTRA_ROOT ?= ## a folder whose contents are copied into the root file system
EXTRA_FILES := $(if $(EXTRA_ROOT),$(shell find $(EXTRA_ROOT) -type f))
# Changes when another folder is asked for, so that the image is packed again then and only then.
EXTRA_STAMP := $(BUILD)/extra-root.name
$(shell mkdir -p $(BUILD); { [ -f $(EXTRA_STAMP) ] && [ "$$(cat $(EXTRA_STAMP))" = "$(EXTRA_ROOT)" ]; } || echo "$(EXTRA_ROOT)" > $(EXTRA_STAMP))

.PHONY: image
image: $(BUILD)/kernel.elf $(BUILD)/root.img $(BUILD)/martlet.iso ## build kernel, root file system and ISO

$(BUILD)/root.img: $(BUILD)/programs.stamp $(FONTS) $(ART) $(KEYMAPS) $(shell find image -type f) $(EXTRA_STAMP) $(EXTRA_FILES)
	@image/make-root $@ $(BUILD)/root $(BUILD)/programs $(SHARE) $(EXTRA_ROOT)

# --- tests ----------------------------------------------------------------------------------------

# Programs that judge the system; they are on the root image of the tests only, in /usr/lib/martlet/tests.
TEST_PROGRAMS := Conformance Bench Storm
TEST_PROGRAM_SOURCES := $(shell find Tests/Differential Tests/Bench Tests/Storm apps/Runtime apps/CLibc -type f 2>/dev/null)
SCENARIO_OPTIONS ?= ## options of the scenarios, such as "--filter boot"

$(BUILD)/test-programs.stamp: $(TEST_PROGRAM_SOURCES) $(PACKAGE_FILES) | $(SETUP)
	$(begin)
	@mkdir -p $(BUILD)/test-programs
	@for p in $(TEST_PROGRAMS); do \
	  swift build --triple $(TRIPLE) --toolset apps/programs.toolset.json --scratch-path .build-programs -c release --product $${p}Program; \
	  out=$(BUILD)/test-programs/$$(echo $$p | tr A-Z a-z); \
	  $(LD) -static --gc-sections -o $$out.debug $(MUSL)/crt1.o $(MUSL)/crti.o \
	    --start-group $(PROGRAM_ARCHIVES)/lib$${p}Program.a $(MUSL)/libc.a $(SWIFT_EMBEDDED)/libswiftUnicodeDataTables.a --end-group $(MUSL)/crtn.o; \
	  llvm-objcopy --strip-all $$out.debug $$out; \
	done
	$(end)

# The root image with room for the tests and their programs.
$(BUILD)/test-root.img: $(BUILD)/root.img $(BUILD)/test-programs.stamp
	@cp $< $@.new && truncate -s +16M $@.new
	@e2fsck -fy $@.new >/dev/null 2>&1 || [ $$? -le 1 ]
	@resize2fs $@.new >/dev/null 2>&1
	@{ echo 'mkdir /usr/lib'; echo 'mkdir /usr/lib/martlet'; echo 'mkdir /usr/lib/martlet/tests'; \
	  for p in $(TEST_PROGRAMS); do n=$$(echo $$p | tr A-Z a-z); echo "write $(BUILD)/test-programs/$$n /usr/lib/martlet/tests/$$n"; done; \
	} | debugfs -w -f - $@.new >/dev/null 2>&1
	@e2fsck -fn $@.new >/dev/null
	@mv $@.new $@

MARTLET_TEST := .build/debug/martlet-test

$(MARTLET_TEST): $(shell find Tests/Driver Tests/Scenarios -name '*.swift') $(PACKAGE_FILES) | $(SETUP)
	$(begin)
	swift build --product martlet-test
	$(end)

.PHONY: test test-host test-scenarios bench
test: test-host wlcs fuzz test-clients test-scenarios ## run all tests

test-host: | $(SETUP) ## run the host tests
	swift test

# The Wayland conformance suite plays the compositor as a library; Tests/Wlcs/expected lists what may fail, and why.
WLCS := $(BUILD)/wlcs.log
WLCS_FILTER ?= * ## the tests of the conformance suite to run, as "XdgPopup*"

.PHONY: wlcs
wlcs: $(KEYMAPS) | $(SETUP) ## run the Wayland conformance suite
	swift build -c release --product MartletWlcs
	@mkdir -p $(BUILD)
	@timeout --kill-after=5 400 /usr/lib/*/wlcs/wlcs .build/release/libMartletWlcs.so '--gtest_filter=$(strip $(WLCS_FILTER))' \
	  --data=$(SHARE) >$(WLCS) 2>&1 || true
	@awk -f Tests/Wlcs/judge.awk Tests/Wlcs/expected $(WLCS)

FUZZ_OPTIONS ?= ## options of the fuzzer, such as "--seed=2 --messages=10000000"

.PHONY: fuzz
fuzz: | $(SETUP) ## send the compositor a million messages, some of them wrong
	swift build -c release --product compositor-fuzz
	@mkdir -p $(BUILD)
	@.build/release/compositor-fuzz $(FUZZ_OPTIONS) 2>$(BUILD)/fuzz.log

# Programs that others wrote, on the compositor's headless output; their pictures are in build/clients.
.PHONY: test-clients
test-clients: $(BUILD)/programs.stamp $(FONTS) $(ART) $(KEYMAPS) ## run foreign Wayland programs on the compositor, without a display
	@Tests/Clients/run $(BUILD)/programs/compositor $(SHARE) $(BUILD)/clients

test-scenarios: image $(BUILD)/kernel-lockdep.elf $(BUILD)/test-root.img $(MARTLET_TEST) ## play the scenarios (SCENARIO_OPTIONS="--filter boot")
	$(MARTLET_TEST) run $(SCENARIO_OPTIONS)

bench: image $(BUILD)/test-root.img $(MARTLET_TEST) ## measure, and print the figures beside those of Linux
	$(MARTLET_TEST) bench

# --- the bootable image ---------------------------------------------------------------------------

# One hybrid image: BIOS and UEFI, CD and USB stick. Only what grub.cfg uses is on it.
# GRUB's own start-up file loads every partition module by name, and complains about one that is missing.
GRUB_MODULES := multiboot2 normal configfile test echo iso9660 fat all_video $(foreach m,acorn amiga apple bsd dfly dvh gpt msdos plan sun sunpc,part_$m)

.PHONY: iso
iso: $(BUILD)/martlet.iso ## pack the bootable image

$(BUILD)/martlet.iso: $(BUILD)/kernel.elf $(BUILD)/root.img iso/grub.cfg | $(SETUP)
	@rm -rf $(BUILD)/iso && mkdir -p $(BUILD)/iso/boot/grub
	@cp $(BUILD)/kernel.elf $(BUILD)/root.img $(BUILD)/iso/boot/
	@cp iso/grub.cfg $(BUILD)/iso/boot/grub/
	@grub-mkrescue -o $@ --install-modules="$(GRUB_MODULES)" --locales= --fonts= --themes= --compress=xz $(BUILD)/iso \
	  >$(BUILD)/iso.log 2>&1 || { cat $(BUILD)/iso.log; exit 1; }

# --- running --------------------------------------------------------------------------------------

RUN_OPTIONS ?= ## more options of QEMU, such as "-smp 2"
APPEND ?= ## more words of the kernel's command line
RUN_MEMORY ?= 512M ## memory of the machine
VNC ?= 127.0.0.1:0 ## where the screen is served if there is no display; port 5900 plus the number
QEMU := qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -m $(RUN_MEMORY) -nodefaults -no-reboot -vga none \
	-device virtio-gpu-pci -device virtio-keyboard-pci -device virtio-tablet-pci -serial stdio \
	-drive if=none,id=root,format=raw,file=$(BUILD)/root.img,snapshot=on -device virtio-blk-pci,drive=root \
	-kernel $(BUILD)/kernel.elf

# Boots with a window where QEMU can open one, else with VNC.
define boot-desktop
	@display=; \
	if [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then \
	  for d in sdl gtk; do if ls /usr/lib/*/qemu/ui-$$d.so >/dev/null 2>&1; then display=$$d; fi; done; \
	fi; \
	if [ -z "$$display" ]; then \
	  port=$$((5900 + $(lastword $(subst :, ,$(VNC))))); \
	  echo "The screen is served by VNC at port $$port: look at it with a VNC viewer, such as \`vncviewer $(strip $(VNC))\`"; \
	  echo "(from another machine, first: ssh -L $$port:127.0.0.1:$$port THIS-MACHINE). Ctrl-C ends the machine."; \
	  display=vnc=$(strip $(VNC)); \
	fi; \
	exec $(QEMU) -display "$$display" -append "console=ttyS0 root=/dev/vda $(2) $(APPEND)" $(1) $(RUN_OPTIONS)
endef

.PHONY: run gdb
run: image ## boot the desktop in QEMU
	$(call boot-desktop)

gdb: image ## boot the desktop and wait for a debugger on port 1234
	@echo "The machine waits. In another terminal: gdb -ex 'target remote :1234' $(BUILD)/kernel.debug   (docs/debugging.md)"
	$(call boot-desktop,-s -S,nokaslr)

# --- style ----------------------------------------------------------------------------------------

SWIFT_FILES = $(shell git ls-files '*.swift')

.PHONY: lint format
lint: ## check layout and file lengths
	@swift format lint --strict --parallel $(SWIFT_FILES)
	@long=$$(wc -l $(SWIFT_FILES) | awk '$$2 != "total" && $$1 > 400 {print $$2 ": " $$1 " lines, 400 are the limit"}'); \
	if [ -n "$$long" ]; then echo "$$long"; exit 1; fi

format: ## lay all Swift files out
	@swift format format --in-place --parallel $(SWIFT_FILES)

.PHONY: clean
clean: ## remove everything that was built
	rm -rf $(BUILD) .build .build-*
