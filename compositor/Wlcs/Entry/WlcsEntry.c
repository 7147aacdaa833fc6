// The symbol that wlcs loads. It is a constant with function pointers inside, which Swift cannot export.
#include "WlcsEntry.h"

WlcsServerIntegration const wlcs_server_integration = {
    .version = WLCS_SERVER_INTEGRATION_VERSION,
    .create_server = martlet_wlcs_create,
    .destroy_server = martlet_wlcs_destroy,
};
