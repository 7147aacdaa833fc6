// FreeType as the baker sees it, with the macros that Swift cannot import as constants.
#ifndef MARTLET_CFREETYPE_H
#define MARTLET_CFREETYPE_H

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H
#include FT_TRUETYPE_TABLES_H
#include FT_TRUETYPE_TAGS_H

/// Load for rendering by the light auto-hinter: snaps heights to pixels and leaves widths alone.
static const FT_Int32 martlet_load_light = FT_LOAD_NO_BITMAP | FT_LOAD_TARGET_LIGHT | FT_LOAD_FORCE_AUTOHINT;
/// Load without any hinting.
static const FT_Int32 martlet_load_unhinted = FT_LOAD_NO_BITMAP | FT_LOAD_NO_HINTING;

#endif
