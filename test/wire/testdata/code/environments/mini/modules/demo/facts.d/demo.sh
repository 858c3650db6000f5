#!/bin/sh
echo demo_ext=1
