/* SPDX-License-Identifier: GPL-3.0-or-later */
/* write_scenes.h - what stands in the first line of the next plan that is not a play */
#ifndef NET_WRITE_SCENES_H
#define NET_WRITE_SCENES_H

extern const char *scene_told;

#endif
