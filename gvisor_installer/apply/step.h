/*
 * Named points between the effects of a run, at each of which it may be killed. The program's own
 * step_reached() does nothing. Pure. Tests link one that ends the process at a step they choose.
 */
#ifndef GVISOR_INSTALLER_APPLY_STEP_H
#define GVISOR_INSTALLER_APPLY_STEP_H

void step_reached(const char *name);

#endif
