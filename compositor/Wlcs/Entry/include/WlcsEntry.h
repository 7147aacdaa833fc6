// The interfaces of wlcs, the Wayland conformance suite, and what the entry point below needs of the Swift side.
#pragma once
#include <pthread.h>
#include <string.h>
#include <wlcs/display_server.h>
#include <wlcs/pointer.h>
#include <wlcs/touch.h>

WlcsDisplayServer *martlet_wlcs_create(int argc, char const **argv);
void martlet_wlcs_destroy(WlcsDisplayServer *server);
