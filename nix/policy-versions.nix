# SPDX-License-Identifier: Apache-2.0
#
# From which kernel on each version of binary policies is read, ascending: policy/kernel_version.cc says the same, and a
# test compares them.
[
  { kernel = "2.6.0"; version = 15; }
  { kernel = "2.6.5"; version = 16; }
  { kernel = "2.6.6"; version = 17; }
  { kernel = "2.6.8"; version = 18; }
  { kernel = "2.6.12"; version = 19; }
  { kernel = "2.6.14"; version = 20; }
  { kernel = "2.6.19"; version = 21; }
  { kernel = "2.6.25"; version = 22; }
  { kernel = "2.6.26"; version = 23; }
  { kernel = "2.6.28"; version = 24; }
  { kernel = "2.6.39"; version = 26; }
  { kernel = "3.5"; version = 28; }
  { kernel = "3.14"; version = 29; }
  { kernel = "4.3"; version = 30; }
  { kernel = "4.13"; version = 31; }
  { kernel = "5.5"; version = 32; }
  { kernel = "5.8"; version = 33; }
  { kernel = "6.14"; version = 34; }
  { kernel = "6.17"; version = 35; }
]
