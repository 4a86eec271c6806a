#pragma once

#include "conf/config.h"
#include "keystone.h"

struct ks_config_s {
    ks::conf::Config config;
};
