/* What containerd makes of its configuration: `containerd config dump`, read. */
#ifndef GVISOR_INSTALLER_APPLY_DUMP_H
#define GVISOR_INSTALLER_APPLY_DUMP_H

#include <stdbool.h>

#include "common/err.h"
#include "gvisor_installer/containerd/containerd_config.h"
#include "gvisor_installer/options/install_options.h"

/* doc is NULL where there is no configuration yet. containerd_config_free() on success. */
bool dump_read(const struct install_options *options, struct containerd_config *ret,
               struct err *err);

/* Both runtimes are there and ours. Else EXPECTATION. */
bool dump_has_runtimes(const struct install_options *options, const struct containerd_config *dump,
                       struct err *err);

/* Neither is there, or only one of somebody else's. */
bool dump_lacks_runtimes(const struct install_options *options,
                         const struct containerd_config *dump, struct err *err);

/* Apart from our runtimes and the list of imports the two are equal. Changes both. */
bool dump_same_otherwise(const struct install_options *options, struct containerd_config *before,
                         struct containerd_config *after, struct err *err);

#endif
