"""Prints the MD5 of each picture that OpenCV decodes: `TRANSPORT URL FRAMES`."""

import hashlib
import os
import sys

transport, url, frames = sys.argv[1:]
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;" + transport

import cv2  # noqa: E402  (reads the variable above)

capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
if not capture.isOpened():
    sys.exit("OpenCV cannot open " + url)
for _ in range(int(frames)):
    there, picture = capture.read()
    if not there:
        break
    print(hashlib.md5(picture.tobytes()).hexdigest())
