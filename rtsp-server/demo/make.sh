#!/bin/sh
# Makes demo.mp4, the clip that the server embeds and plays at /demo.
#
# It lasts exactly 10.24 s, because that is the shortest time in which 25 frames a second and AAC at
# 48 kHz both end on a whole unit: 256 frames, and 480 access units of 1024 samples. So the clip can
# be repeated for ever with timestamps that run on, and picture and sound stay together.
#
# The picture has a key frame every 32 frames (1.28 s, eight to a loop) and no B-frames. A white bar flashes
# and a beep sounds at each full second of the clock in the picture; the beep at zero is higher.
#
# Needs ffmpeg 5.1 or newer with libx264 and drawtext, and the font DejaVu Sans Mono.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/demo.mp4}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
font=${FONT:-/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf}
run() { ffmpeg -hide_banner -nostdin -loglevel error -y "$@"; }

clock="drawtext=fontfile=$font:fontsize=56:fontcolor=white:box=1:boxcolor=black@0.75:boxborderw=12:x=(w-tw)/2:y=128"
small="drawtext=fontfile=$font:fontsize=20:fontcolor=white:box=1:boxcolor=black@0.75:boxborderw=8:x=(w-tw)/2:y=224"
flash="drawbox=x=120:y=270:w=400:h=24:color=white:t=fill:enable='lt(mod(n,25),3)'"
run -f lavfi -i "testsrc2=size=640x360:rate=25,$clock:text='%{pts\:hms}',$small:text='Trackside demo  frame %{frame_num}',$flash,format=yuv420p" \
    -frames:v 256 -c:v libx264 -profile:v main -preset veryslow -tune animation -threads 1 \
    -b:v 270k -maxrate 300k -bufsize 600k \
    -g 32 -keyint_min 32 -sc_threshold 0 -bf 0 -bsf:v filter_units=remove_types=6 -f h264 "$work/video.h264"

# Two loops and a little more are encoded, and the second is kept: its first access unit follows on its last, so
# neither the encoder's priming nor a break is heard where the clip starts again. (The first unit is priming, so the
# second loop is units 481 to 960.)
run -f lavfi -i "aevalsrc='0.4*sin(2*PI*if(lt(mod(t,10.24),1),1500,1000)*mod(t,10.24))*lt(mod(mod(t,10.24),1),0.12)*min(1,200*mod(mod(t,10.24),1))*min(1,max(0,200*(0.12-mod(mod(t,10.24),1))))':s=48000:c=mono" \
    -t 21 -c:a aac -b:a 64k -f adts "$work/long.aac"
run -i "$work/long.aac" -c copy -bsf:a "noise=amount=0:drop='lt(n\,481)+gte(n\,961)'" -f adts "$work/audio.aac"

run -fflags +bitexact -r 25 -i "$work/video.h264" -i "$work/audio.aac" -map 0:v -map 1:a -c copy \
    -bsf:a aac_adtstoasc -map_metadata -1 -fflags +bitexact -video_track_timescale 90000 \
    -use_editlist 0 -movflags +faststart "$out"

ls -l "$out"
